"""Weights `imagenet`: those of Keras applications, fetched and checked against its own hash by Keras itself."""

from __future__ import annotations

import os
import queue
import socket
import threading
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from feature_extractor.trunks.weights.arrays import ArraySpec

FILE_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
URL = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{FILE_NAME}"

_CONNECT_TIMEOUT_S = 3.0
_ANSWER_TIMEOUT_S = 5.0
_STALL_TIMEOUT_S = 60.0


def cached_by_keras() -> bool:
    """Whether Keras has the file already, so that no network is needed."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()  # Keras's own variable and default
    return (home / "models" / FILE_NAME).is_file()


def why_unreachable(url: str = URL) -> str:
    """Why the host of the weights cannot be reached, empty when it can; answers within 5 seconds.

    In a thread of its own, because looking a name up obeys no time-out. Proxies are used as Keras would use them.
    """
    answers: queue.SimpleQueue[str] = queue.SimpleQueue()

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")  # noqa: S310  # our own https address
            with urllib.request.urlopen(request, timeout=_CONNECT_TIMEOUT_S):  # noqa: S310  # as above
                answers.put("")
        except (OSError, ValueError) as error:  # URLError and time-outs are OSErrors
            answers.put(str(getattr(error, "reason", "") or error) or type(error).__name__)

    threading.Thread(target=ask, name="imagenet-probe", daemon=True).start()
    try:
        return answers.get(timeout=_ANSWER_TIMEOUT_S)
    except queue.Empty:
        return f"no answer within {_ANSWER_TIMEOUT_S:g} s"


def fetch_arrays(specs: Sequence[ArraySpec]) -> dict[str, NDArray[np.float32]]:
    """Let Keras fetch, check and load its weights; `specs` in the network's layer order.

    Raises:
        UnavailableError: WEIGHTS_UNREACHABLE.
    """
    if not cached_by_keras():
        reason = why_unreachable()
        if reason:
            raise UnavailableError(
                f"the ImageNet weights cannot be fetched from {URL}: {reason}", reason="WEIGHTS_UNREACHABLE"
            )
    import keras

    try:
        with _stalled_reads_fail():
            model = keras.applications.InceptionV3(weights="imagenet", include_top=False)
    except Exception as error:
        # Keras turns a broken download into a bare Exception and a wrong hash into a ValueError.
        raise UnavailableError(
            f"Keras could not fetch the ImageNet weights: {error}", reason="WEIGHTS_UNREACHABLE"
        ) from error
    values = [variable.numpy() for layer in model.layers for variable in layer.weights]
    return {spec.name: value for spec, value in zip(specs, values, strict=True)}


@contextmanager
def _stalled_reads_fail() -> Iterator[None]:
    """Keras downloads without a time-out: without this, a silent peer would hang the start for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALL_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

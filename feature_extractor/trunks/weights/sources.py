"""The kinds of weights a trunk can ask for, and how each becomes a checked set of arrays kept under the home."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from feature_extractor.trunks.weights import imagenet, npm, nsfwjs
from feature_extractor.trunks.weights.arrays import check_arrays, weights_sha256
from feature_extractor.trunks.weights.files import SUFFIXES, read_weights
from feature_extractor.trunks.weights.graphs import SUFFIX as GRAPH_SUFFIX
from feature_extractor.trunks.weights.storage import stored_sha256, write_weights
from feature_extractor.trunks.weights.untrained import random_arrays
from graft.errors import DataLossError, InvalidArgumentError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from feature_extractor.trunks.weights.arrays import ArraySpec

    OwnArrays = dict[str, NDArray[np.float32]]

_RANDOM = re.compile(r"random:(\d{1,18})")
_POOL = "avg_pool"
_FETCHED_ANEW = "delete the file, and the next start gets them anew from where they came from"
_KEPT_HEX = 16  # 64 bits of a SHA-256 tell apart the few files that one home ever sees


class WeightsSource(Protocol):
    """One kind of weights; `spec` is how it is asked for, `default_layer` where its network is best cut."""

    @property
    def spec(self) -> str: ...  # noqa: D102  # said above

    @property
    def default_layer(self) -> str: ...  # noqa: D102  # said above

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> OwnArrays:
        """The weights, checked to be this network's, and kept in `folder` where they came from elsewhere.

        `recorded` is the SHA-256 an earlier start saw, empty at the first: that of a file kept here is compared with
        it, that of the outcome by the caller. Setting `stop` ends a long fetch.
        """


def _read_kept(path: Path, specs: Sequence[ArraySpec], expected: str, cure: str = _FETCHED_ANEW) -> OwnArrays:
    """A file of our own; `expected` is the SHA-256 its weights must have, empty when it has to tell that itself."""
    arrays = read_weights(path, specs)
    expected = expected or stored_sha256(path)
    if expected and weights_sha256(arrays) != expected:
        raise DataLossError(
            f"the weights in {path} are no longer those that were put there; {cure}", reason="WEIGHTS_DAMAGED"
        )
    return arrays


@dataclass(frozen=True, slots=True)
class Imagenet:
    """Keras applications' ImageNet weights."""

    fetch: Callable[[Sequence[ArraySpec]], OwnArrays] = imagenet.fetch_arrays
    spec: str = "imagenet"
    default_layer: str = _POOL

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> OwnArrays:
        """From the kept file, else by Keras."""
        del stop  # Keras cannot be interrupted
        kept = folder / "imagenet.weights.h5"
        if kept.exists():
            return _read_kept(kept, specs, recorded)
        arrays = self.fetch(specs)
        check_arrays(arrays, specs, "Keras's imagenet file")
        if recorded in ("", weights_sha256(arrays)):  # others are for the caller to refuse
            write_weights(kept, arrays, specs)
        return arrays


def _npm_pack(folder: Path, stop: threading.Event) -> Path:
    found = npm.find_npm(Path(sys.executable).parent, os.environ.get("PATH", os.defpath))
    return npm.pack(nsfwjs.PACKAGE, folder, stop, npm=found)


@dataclass(frozen=True, slots=True)
class Nsfwjs:
    """The network inside npm package nsfwjs 4.3.0; `pack` puts its tarball into a folder."""

    pack: Callable[[Path, threading.Event], Path] = _npm_pack
    spec: str = "nsfwjs"
    default_layer: str = "mixed7"

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> OwnArrays:
        """From the kept file, else out of the package."""
        del recorded  # what they must be is known before any start
        kept = folder / "nsfwjs-4.3.0.weights.h5"
        if kept.exists():
            return _read_kept(kept, specs, nsfwjs.ARRAYS_SHA256)
        with tempfile.TemporaryDirectory(prefix="graft-nsfwjs-") as temporary:
            files = nsfwjs.read_package(self.pack(Path(temporary), stop))
        arrays = nsfwjs.import_arrays(files)
        check_arrays(arrays, specs, nsfwjs.PACKAGE)
        if weights_sha256(arrays) != nsfwjs.ARRAYS_SHA256:
            raise DataLossError(
                f"importing {nsfwjs.PACKAGE} on this machine gives other values than it must; its arithmetic cannot "
                "be trusted with a fingerprint that other machines share",
                reason="WEIGHTS_DAMAGED",
            )
        write_weights(kept, arrays, specs)
        return arrays


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A user's `.weights.h5`, `.h5` or `.keras` file; a copy is kept, so that the home goes on without it."""

    path: Path
    default_layer: str = _POOL

    @property
    def spec(self) -> str:
        """The path."""
        return str(self.path)

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> OwnArrays:
        """From the file itself while it is there, from the kept copy when it has gone."""
        del stop  # nothing here takes long
        kept = _kept_copy(folder, recorded)
        if recorded and not self.path.exists() and kept.exists():
            return _read_kept(kept, specs, recorded, f"restore the file from a copy, or put {self.path} back")
        arrays = read_weights(self.path, specs)
        sha256 = weights_sha256(arrays)
        kept = _kept_copy(folder, sha256)
        if recorded in ("", sha256) and not kept.exists():  # others are for the caller to refuse
            write_weights(kept, arrays, specs)
        return arrays


def _kept_copy(folder: Path, sha256: str) -> Path:
    return folder / f"file-{sha256[:_KEPT_HEX]}.weights.h5"


@dataclass(frozen=True, slots=True)
class Untrained:
    """`random:SEED`; made anew at each start, the same everywhere."""

    seed: int
    default_layer: str = _POOL

    @property
    def spec(self) -> str:
        """`random:SEED`."""
        return f"random:{self.seed}"

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> OwnArrays:
        """Drawn from the seed."""
        del folder, recorded, stop  # nothing is fetched or kept
        return random_arrays(specs, self.seed)


@dataclass(frozen=True, slots=True)
class GraphWeights:
    """A frozen graph's file: weights and network in one, so that there are no arrays for a network of ours."""

    path: Path
    default_layer: str = ""

    @property
    def spec(self) -> str:
        """The path."""
        return str(self.path)

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> OwnArrays:
        """Refused."""
        del folder, specs, recorded, stop  # it never comes to that
        raise InvalidArgumentError(
            f"{self.path} is a frozen graph; what is to be done needs the weights of a Keras network: give imagenet, "
            "nsfwjs, or a .weights.h5, .h5 or .keras file",
            reason="WEIGHTS_FORMAT",
        )


def source_of(spec: str) -> WeightsSource:
    """The source that a specification names; every one but `auto`.

    Raises:
        InvalidArgumentError: UNKNOWN_WEIGHTS.
    """
    if spec == "imagenet":
        return Imagenet()
    if spec == "nsfwjs":
        return Nsfwjs()
    drawn = _RANDOM.fullmatch(spec)
    if drawn:
        return Untrained(int(drawn[1]))
    if Path(spec).suffix in SUFFIXES:
        return WeightsFile(Path(spec))
    if Path(spec).suffix == GRAPH_SUFFIX:
        return GraphWeights(Path(spec))
    raise InvalidArgumentError(
        f"there are no weights {spec!r}; give auto, imagenet, nsfwjs, random:SEED, or the path of a .weights.h5, .h5 "
        "or .keras file, or of a frozen graph (.pb)",
        reason="UNKNOWN_WEIGHTS",
    )

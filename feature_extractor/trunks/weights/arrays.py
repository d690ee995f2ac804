"""The network's weights as named arrays: which there must be, and the SHA-256 that identifies them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.float32]]
    """Weights by name, e.g. `conv2d_17/kernel`, `batch_normalization_17/moving_mean`; counted from 0 as built."""


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array the network needs.

    Attributes:
        layer: name of its layer, e.g. `conv2d_17`.
        variable: its name within the layer, e.g. `kernel`.
        shape: its shape; a kernel is (height, width, channels in, channels out).
    """

    layer: str
    variable: str
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """The key in `Arrays`."""
        return f"{self.layer}/{self.variable}"


def weights_sha256(arrays: Arrays) -> str:
    """SHA-256 (64 hex digits) of the values: name, shape and little-endian float32 bytes of each, in name order.

    Of the values and not of a file, so that the same network in another file layout is the same trunk.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name], dtype="<f4")
        digest.update(f"{name} {values.shape}\n".encode())
        digest.update(values.data)
    return digest.hexdigest()


def check_arrays(arrays: Arrays, specs: Sequence[ArraySpec], source: str) -> None:
    """Refuse weights that are not this network's, naming the first array, in the network's order, that differs.

    Raises:
        FailedPreconditionError: WEIGHTS_MISMATCH.
    """
    for spec in specs:
        found = arrays.get(spec.name)
        if found is None:
            raise mismatch(source, f"it holds nothing for layer {spec.layer} ({spec.variable})")
        if found.shape != spec.shape:
            raise mismatch(source, f"{spec.name} has the shape {found.shape}, the network's is {spec.shape}")
        if not np.isfinite(found).all():
            raise mismatch(source, f"{spec.name} holds values that are not finite")
    extra = sorted(set(arrays) - {spec.name for spec in specs})
    if extra:
        raise mismatch(source, f"it holds {extra[0]}, which the network does not have")


def mismatch(source: str, what: str) -> FailedPreconditionError:
    """The error for weights that do not fit; `source` names the file or package."""
    return FailedPreconditionError(
        f"{source} does not hold weights of keras.applications.InceptionV3: {what}", reason="WEIGHTS_MISMATCH"
    )

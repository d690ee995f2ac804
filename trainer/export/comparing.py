"""How near an exported network comes to the services, and whether that is near enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from trainer.fitting.batches import FloatArray

PIXELS_TOLERANCE: Final = 1e-4
"""How far a probability may lie from the float32 network's, given the same pixels."""

SAME_LABELS_OF_50: Final = 49

_FLOAT32: Final = "float32"
_FEW: Final = 20
_COMPARED: Final = 50


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, over all pictures and labels.

    Attributes:
        pictures: how many.
        pixels_difference: largest difference of a probability to the float32 trunk with the head, same pixels.
        service_difference: the same between that and the services as they run; None if they do not take these pixels.
        service_precision: arithmetic of the extractor.
        same_labels: pictures whose bytes give the same first label; None for a format without decoding.
        bytes_difference: largest difference of a probability to the services, from bytes; None as `same_labels`.
    """

    pictures: int
    pixels_difference: float
    service_difference: float | None
    service_precision: str
    same_labels: int | None
    bytes_difference: float | None


def compare(
    file_pixels: FloatArray,
    reference: FloatArray,
    service_pixels: FloatArray | None,
    service_precision: str,
    file_bytes: FloatArray | None,
    service_bytes: FloatArray,
) -> Comparison:
    """Compare probabilities, each float32[n, labels].

    Args:
        file_pixels: the file's, from pixels.
        reference: of the float32 trunk and the head, from the same pixels.
        service_pixels: of the services, from the same pixels; None if they do not take them.
        service_precision: arithmetic of the extractor.
        file_bytes: the file's, from pictures' bytes; None for a format without decoding.
        service_bytes: of the services, from the same bytes.

    Raises:
        FailedPreconditionError: EXPORT_DIFFERS.
    """
    made = Comparison(
        pictures=len(reference),
        pixels_difference=_difference(file_pixels, reference),
        service_difference=None if service_pixels is None else _difference(service_pixels, reference),
        service_precision=service_precision,
        same_labels=None if file_bytes is None else _same(file_bytes, service_bytes),
        bytes_difference=None if file_bytes is None else _difference(file_bytes, service_bytes),
    )
    _check(made)
    return made


def needed(pictures: int) -> int:
    """How many of so many pictures must have the same first label: 49 of 50, all of fewer than 20."""
    return pictures if pictures < _FEW else pictures - (_COMPARED - SAME_LABELS_OF_50)


def _check(made: Comparison) -> None:
    found = []
    if not made.pixels_difference <= PIXELS_TOLERANCE:  # nor if it is no number
        found.append(
            f"given the same pixels, its probabilities differ from the float32 trunk's by {made.pixels_difference:.1e}"
        )
    exact = made.service_precision == _FLOAT32 and made.service_difference is not None
    if exact and not (made.service_difference or 0.0) <= PIXELS_TOLERANCE:
        found.append(f"given the same pixels, the services' differ from the network's by {made.service_difference:.1e}")
    if made.same_labels is not None and made.same_labels < needed(made.pictures):
        found.append(
            f"from pictures' bytes, it names the label of the services first for {made.same_labels} of {made.pictures}"
        )
    if found:
        raise FailedPreconditionError(
            f"the exported network does not answer as the services do: {'; '.join(found)}. Nothing was written; "
            "docs/export.md tells what is compared",
            reason="EXPORT_DIFFERS",
        )


def _difference(ours: FloatArray, theirs: FloatArray) -> float:
    return float(np.abs(ours.astype(np.float64) - theirs).max())


def _same(ours: FloatArray, theirs: FloatArray) -> int:
    return int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())

"""What the trainer exports, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class ExportFormat(StrEnum):
    """What a version can be exported as."""

    SAVEDMODEL = "savedmodel"
    GRAPHDEF = "graphdef"
    TFLITE = "tflite"
    ONNX = "onnx"


@dataclass(frozen=True, slots=True)
class Exported:
    """A network that was checked and is in its place.

    Attributes:
        path: the file, or the directory of a SavedModel.
        labels_path: the file of labels beside it; None where they are inside.
        format: what it is.
        size_bytes: of all its files.
        fingerprint: of its trunk, 16 bytes.
        labels: in the order of its outputs.
        left_out_tensors: tensors of the head that it does not hold.
        dataset: whose pictures were compared.
        pictures: how many were.
        pixels_difference: given the same pixels, the largest difference of a probability to the float32 trunk with the
            head.
        service_difference: given the same pixels, that between the float32 trunk and the services as they run; None
            where the trunk takes no PNG.
        service_precision: arithmetic of the extractor.
        same_labels: given pictures' bytes, how many have the services' label first; None for a format of pixels alone,
            as is the next.
        bytes_difference: given pictures' bytes, the largest difference of a probability to the services.
    """

    path: Path
    labels_path: Path | None
    format: ExportFormat
    size_bytes: int
    fingerprint: bytes
    labels: tuple[str, ...]
    left_out_tensors: tuple[str, ...]
    dataset: str
    pictures: int
    pixels_difference: float
    service_difference: float | None
    service_precision: str
    same_labels: int | None
    bytes_difference: float | None

"""What is written beside a quantised network: what it was made from, with what, and what it lost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

VERSION = 1


@dataclass(frozen=True, slots=True)
class CosineLoss:
    """Cosines between the float32 and the 8-bit vectors of pictures.

    Attributes:
        pictures: how many; none of them was calibrated on.
        median: half of the pictures have a lower cosine.
        percentile_1: one picture in a hundred has a lower one.
        minimum: of all.
    """

    pictures: int
    median: float
    percentile_1: float
    minimum: float


@dataclass(frozen=True, slots=True)
class HeadLoss:
    """What a linear head gets right, trained and tested on float32 vectors and on 8-bit ones, on the same folds.

    Attributes:
        labels: how many there are.
        pictures: how many; those calibrated on are among them, which uses no labels.
        folds: parts that a round tests in turn.
        accuracy_float32: share of pictures told right, 0 to 1.
        accuracy_int8: the same.
        points: accuracy of int8 less that of float32, in percentage points; negative is a loss.
        points_low: lower end of the 95 % interval of `points`.
        points_high: upper end.
    """

    labels: int
    pictures: int
    folds: int
    accuracy_float32: float
    accuracy_int8: float
    points: float
    points_low: float
    points_high: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """Facts about a quantised network.

    Attributes:
        weights: specification of the float32 weights, never `auto`.
        base_weights_sha256: SHA-256 of those weights' values.
        layer: the layer the network is cut at.
        preprocessing: id of the way from a picture's bytes to pixels.
        dimensions: length of a vector.
        files: SHA-256 of each file of the network, by name.
        versions: of the packages it was made with, by name.
        pictures: how many were calibrated on.
        pictures_sha256: SHA-256 over the sorted SHA-256 of these pictures' files.
        made_at: UTC, ISO 8601 to the microsecond, so that later is greater.
        cosine: loss of the single vectors.
        head: loss of a linear head; None where the pictures had too few labels.
    """

    weights: str
    base_weights_sha256: str
    layer: str
    preprocessing: str
    dimensions: int
    files: dict[str, str]
    versions: dict[str, str]
    pictures: int
    pictures_sha256: str
    made_at: str
    cosine: CosineLoss
    head: HeadLoss | None


def to_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    return (json.dumps({"version": VERSION, **asdict(manifest)}, indent=2) + "\n").encode()


def from_bytes(content: bytes) -> Manifest:
    """The manifest out of its JSON.

    Raises:
        ValueError: it is not one, or of another version.
    """
    try:
        fields: dict[str, Any] = json.loads(content)
        version = fields.pop("version")
        if version != VERSION:
            raise ValueError(f"it has version {version}, this program reads {VERSION}")
        fields["cosine"] = CosineLoss(**fields["cosine"])
        fields["head"] = HeadLoss(**fields["head"]) if fields["head"] else None
        return Manifest(**fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not a manifest: {error}") from error

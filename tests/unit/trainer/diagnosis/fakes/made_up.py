"""Made-up pictures for the doctor's tests: non-negative vectors in clusters, and grey values."""

from __future__ import annotations

import hashlib

import numpy as np

from trainer.datasets.split import Part
from trainer.diagnosis.findings import Picture
from trainer.diagnosis.thumbnails import SIDE_PX


def clusters(classes: int, each: int, seed: int = 0, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return float32[n, 48] vectors and their labels int32[n], cluster by cluster."""
    rng = np.random.default_rng(seed)
    centres = 4 + rng.standard_normal((classes, 48)) * apart
    labels = np.repeat(np.arange(classes), each).astype(np.int32)
    vectors = np.maximum(centres[labels] + rng.standard_normal((len(labels), 48)), 0)
    return vectors.astype(np.float32), labels


def greys(count: int, seed: int = 0) -> np.ndarray:
    """Return uint8[n, 1024]: thumbnails that are like no other."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE_PX**2)).astype(np.uint8)


def picture(name: str, label: str = "anna", part: Part = Part.TRAINING, *further: str) -> Picture:
    """Return a picture of this name."""
    return Picture(hashlib.sha256(name.encode()).digest(), label, name, part, further)

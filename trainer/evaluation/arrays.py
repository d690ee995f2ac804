"""The kinds of arrays that evaluation works on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
"""Logits, probabilities, scores, distances."""

Vectors = npt.NDArray[np.float32]
"""Feature vectors, one a row."""

Labels = npt.NDArray[np.integer[Any]]
"""Indices into the labels, 0 to classes - 1."""

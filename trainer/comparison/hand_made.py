"""Features as they were made by hand before networks learned them, of the previews that the extractor keeps.

`pixels`: 32 by 32 pixels in colour, as they are, under a logistic regression. `hog`: histograms of oriented gradients
(N. Dalal and B. Triggs, 2005) of 128 by 128 pixels in grey, under a linear support vector machine.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIXELS_SIDE, _HOG_SIDE = 32, 128
_ITERATIONS: Final = 2000


def pixels(preview: bytes) -> NDArray[np.float32]:
    """A preview as float32[3072], values from 0 to 1."""
    from PIL import Image

    with Image.open(io.BytesIO(preview)) as image:
        small = image.convert("RGB").resize((_PIXELS_SIDE, _PIXELS_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32).ravel() / np.float32(255)


def gradients(preview: bytes) -> NDArray[np.float32]:
    """A preview's histograms of oriented gradients, float32[8100]: 9 orientations, cells of 8 px, blocks of 2 cells."""
    from PIL import Image
    from skimage.feature import hog

    with Image.open(io.BytesIO(preview)) as image:
        grey = image.convert("L").resize((_HOG_SIDE, _HOG_SIDE), Image.Resampling.BILINEAR)
    found: NDArray[np.float64] = hog(np.asarray(grey), orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2))
    return found.astype(np.float32)


def logistic_regression() -> Any:
    """What is fitted to pixels: standardised, then a multinomial logistic regression with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=_ITERATIONS))


def linear_svm() -> Any:
    """What is fitted to gradients: a linear support vector machine, one class against the rest."""
    from sklearn.svm import LinearSVC

    return LinearSVC(C=0.1, max_iter=_ITERATIONS, random_state=0)

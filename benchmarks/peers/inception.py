"""The network and the decoding that Keras `predict`, LitServe and BentoML are measured with; needs no Graft."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE_PX = 299


def inception() -> Any:
    """Inception-V3 up to its pool layer, with random weights of one seed: what they are makes no difference to time."""
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg")


def prepared(picture: Image.Image) -> NDArray[np.float32]:
    """float32[299, 299, 3] in [-1, 1]."""
    square = picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BILINEAR)
    return np.asarray(square, np.float32) / 127.5 - 1


def decode(content: bytes) -> NDArray[np.float32]:
    """A JPEG's bytes to float32[299, 299, 3]."""
    return prepared(Image.open(io.BytesIO(content)))

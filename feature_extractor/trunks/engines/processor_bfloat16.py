"""bfloat16 on a processor: the first convolutions in float32, everything behind them in bfloat16.

What the first layers lose, all others build on, and an even background loses the same everywhere. They are a
twenty-fifth of the work, so exactness there costs next to nothing. TensorFlow's optimiser turns whole graphs to
bfloat16, so the two parts are graphs, and sessions, of their own.

Importing this module is cheap; its functions import TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feature_extractor.trunks.engines.tensorflow_engine import SessionProgram, freeze, freeze_features
from feature_extractor.trunks.precision import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from feature_extractor.trunks.devices import Device

EXACT_CONVOLUTIONS = 2
"""How many run in float32: enough for a cosine of 0.9999 to the float32 vectors also where the background is even."""


class ProcessorBfloat16Program:
    """Two sessions, one behind the other.

    Args:
        model: the Keras model, with weights of `for_bfloat16`.
        device: a processor.
        threads: as everywhere; 0 is one a core.
    """

    def __init__(self, model: Any, device: Device, threads: int) -> None:
        import keras

        convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        self._rest: SessionProgram | None = None
        if len(convolutions) <= EXACT_CONVOLUTIONS:  # cut so low that all of it is exact
            self._stem = SessionProgram(freeze(model), FLOAT32, device, threads)
            return
        between = convolutions[EXACT_CONVOLUTIONS].input
        self._stem = SessionProgram(freeze(keras.Model(model.inputs[0], between)), FLOAT32, device, threads)
        rest = freeze_features(keras.Model(between, model.output))
        self._rest = SessionProgram(rest, BFLOAT16, device, threads)

    def __call__(self, pixels: NDArray[Any], /) -> NDArray[np.float32]:
        """uint8[n, 299, 299, 3] to float32[n, dimensions]."""
        features = self._stem(pixels)
        return features if self._rest is None else self._rest(features)

    def resident(self, pixels: NDArray[np.uint8], /) -> Callable[[], None]:
        """On a processor there is no way to the device to leave out."""

        def run() -> None:
            self(pixels)

        return run

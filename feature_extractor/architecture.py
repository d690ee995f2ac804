"""The Keras Inception-V3 with given weights, cut at a layer.

Importing this module is cheap; its functions import TensorFlow.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from feature_extractor.images import INPUT_SIZE_PX
from feature_extractor.weights.arrays import ArraySpec, check_arrays
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from feature_extractor.weights.arrays import Arrays

POOL_LAYER = "avg_pool"
"""The global average over the last block's positions; what Keras calls it in the network with a top."""

_NAME = re.compile(r"(.*?)(?:_(\d+))?$")
_FIXED_NAMES = ("mixed",)  # named by the architecture itself (mixed9_1), not counted
_POSITION_AXES = (1, 2)
_IMAGE_BATCH_RANK = 4


class Network:
    """One untrained Inception-V3 without its classification top, its layers under names that do not vary.

    Keras counts layers through the whole process (the second network begins with `conv2d_94`); the names here count
    from 0 within the network, as those of the first network in a process do.
    """

    def __init__(self) -> None:
        import keras

        if keras.config.backend() != "tensorflow":
            raise FailedPreconditionError(
                f"the trunk runs on TensorFlow, but KERAS_BACKEND chooses {keras.config.backend()}; unset it",
                reason="WRONG_KERAS_BACKEND",
            )
        shape = (INPUT_SIZE_PX, INPUT_SIZE_PX, 3)
        self._model = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=shape)
        self._names = steady_names([layer.name for layer in self._model.layers])
        self._layers = dict(zip(self._names, self._model.layers, strict=True))

    @property
    def specs(self) -> list[ArraySpec]:
        """The arrays the network needs, in layer order."""
        return [
            ArraySpec(layer=name, variable=variable.name, shape=tuple(variable.shape))
            for name, layer in self._layers.items()
            for variable in layer.weights
        ]

    def set_arrays(self, arrays: Arrays, source: str) -> None:
        """Put weights in.

        Raises:
            FailedPreconditionError: WEIGHTS_MISMATCH, naming the first array that is missing or differs in shape.
        """
        check_arrays(arrays, self.specs, source)
        for name, layer in self._layers.items():
            layer.set_weights([arrays[f"{name}/{variable.name}"] for variable in layer.weights])

    def cut(self, layer_name: str) -> Any:
        """A Keras model from float pictures in [-1, 1] [n, 299, 299, 3] to vectors [n, dimensions].

        An output with positions is averaged over them.

        Raises:
            InvalidArgumentError: UNKNOWN_LAYER, with the names nearest to what was asked for.
        """
        import keras

        output = self._layer_output(layer_name)
        if len(output.shape) == _IMAGE_BATCH_RANK:
            output = keras.ops.mean(output, axis=_POSITION_AXES)
        return keras.Model(self._model.inputs[0], output)

    def _layer_output(self, layer_name: str) -> Any:
        if layer_name == POOL_LAYER:
            return self._model.output
        layer = self._layers.get(layer_name)
        if layer is None or layer is self._model.layers[0]:  # the first is the input itself
            names = [POOL_LAYER, *self._names[1:]]
            near = difflib.get_close_matches(layer_name, names, n=5, cutoff=0.4) or [POOL_LAYER, "mixed7", "mixed10"]
            raise InvalidArgumentError(
                f"Inception-V3 has no layer {layer_name!r}; the nearest names are {', '.join(near)}",
                reason="UNKNOWN_LAYER",
            )
        return layer.output


def steady_names(names: list[str]) -> list[str]:
    """Keras's counted names, renumbered from 0 for each base name: `conv2d_94`, `conv2d_95` to `conv2d`, `conv2d_1`."""
    split = [_base_and_number(name) for name in names]
    lowest: dict[str, int] = {}
    for base, number in split:
        lowest[base] = min(number, lowest.get(base, number))
    steady: list[str] = []
    for name, (base, number) in zip(names, split, strict=True):
        own = number - lowest[base]
        steady.append(name if base.startswith(_FIXED_NAMES) else f"{base}_{own}" if own else base)
    return steady


def _base_and_number(name: str) -> tuple[str, int]:
    match = _NAME.fullmatch(name)
    if match is None:  # the pattern matches any single line; Keras has no other names
        return name, 0
    return match[1], int(match[2] or 0)

"""The Keras Inception-V3 with given weights, cut at a layer.

Importing this module is cheap; its functions import Keras, on the backend asked for.
"""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from feature_extractor.decoding.squares import INPUT_SIZE_PX
from feature_extractor.trunks.engines.keras_backend import import_keras
from feature_extractor.trunks.weights.arrays import ArraySpec, check_arrays
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feature_extractor.trunks.weights.arrays import Arrays

POOL_LAYER = "avg_pool"
"""The global average over the last block's positions; what Keras calls it in the network with a top."""

_NAME = re.compile(r"(.*?)(?:_(\d+))?$")
_FIXED_NAMES = ("mixed",)  # named by the architecture itself (mixed9_1), not counted
_POSITION_AXES = (1, 2)
_IMAGE_BATCH_RANK = 4


class Network:
    """One empty Inception-V3 without its classification top, its layers under names that do not vary.

    Keras counts layers through the whole process (the second network begins with `conv2d_94`); the names here count
    from 0 within the network, as those of the first network in a process do.

    Args:
        backend: Keras's, `tensorflow` or `jax`.
        mixed_bfloat16: whether layers compute in bfloat16; their weights and the outcome are float32 all the same.
    """

    def __init__(self, backend: str = "tensorflow", *, mixed_bfloat16: bool = False) -> None:
        keras = import_keras(backend)
        shape = (INPUT_SIZE_PX, INPUT_SIZE_PX, 3)
        # Every array is set later: drawing random ones first takes JAX, which compiles for each shape, 17 s.
        with (
            _dtype_policy(keras, "mixed_bfloat16" if mixed_bfloat16 else "float32"),
            keras.utils.custom_object_scope({"glorot_uniform": keras.initializers.Zeros}),
        ):
            self._model = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=shape)
        self._keras = keras
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
        output = self._layer_output(layer_name)
        if output.dtype != "float32":
            output = self._keras.ops.cast(output, "float32")  # before averaging, which would round each sum
        if len(output.shape) == _IMAGE_BATCH_RANK:
            output = self._keras.ops.mean(output, axis=_POSITION_AXES)
        return self._keras.Model(self._model.inputs[0], output)

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


@contextmanager
def _dtype_policy(keras: Any, name: str) -> Iterator[None]:
    """Build layers under a policy; the process's own is put back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


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

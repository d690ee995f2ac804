"""Keras networks on JAX: jitted, one compilation for each batch size, the weights kept on the device once.

Importing this module is cheap; its functions import JAX.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.trunks.devices import Device, SeenDevice
from feature_extractor.trunks.engines.choice import JAX
from feature_extractor.trunks.precision import BFLOAT16

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from feature_extractor.trunks.weights.arrays import Arrays

_HALF_RANGE = 127.5


class JaxEngine:
    """For hosts whose CUDA TensorFlow's wheels do not fit, and for TPUs."""

    name = JAX
    bfloat16_pays_on_cpu = False  # measured: XLA's convolutions on a processor are no faster in it

    def devices(self, threads: int) -> tuple[SeenDevice, ...]:
        """Cap the processor's threads; then what there is."""
        if threads:
            os.environ["NPROC"] = str(threads)  # from which XLA's pool of threads takes its size
        import jax

        return tuple(_seen(device) for device in jax.devices())

    def mixed(self, precision: str, device: Device) -> bool:
        """Keras casts inside the network, whatever the device."""
        del device
        return precision == BFLOAT16

    def prepared(self, arrays: Arrays, precision: str, device: Device, layer: str) -> Arrays:
        """As they are."""
        del precision, device, layer
        return arrays

    def program(self, model: Any, precision: str, device: Device, threads: int) -> JitProgram:
        """Jit the model; threads were seen to before."""
        del device, threads
        return JitProgram(model, precision)


class JitProgram:
    """A jitted Keras model. Its weights are arguments: as constants each batch size would hold a copy of them."""

    def __init__(self, model: Any, precision: str) -> None:
        import jax

        self._weights = (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
        )
        self._forward = jax.jit(partial(_forward, model, "default" if precision == BFLOAT16 else "highest"))

    def __call__(self, pixels: NDArray[Any], /) -> NDArray[np.float32]:
        """uint8[n, 299, 299, 3] to float32[n, dimensions]."""
        return np.asarray(self._forward(self._weights, pixels))

    def resident(self, pixels: NDArray[np.uint8], /) -> Callable[[], None]:
        """The same function over an array that lies on the device."""
        import jax

        held = jax.device_put(pixels)

        def run() -> None:
            self._forward(self._weights, held).block_until_ready()

        return run


def _forward(model: Any, multiplication: str, weights: Any, pixels: Any) -> Any:
    """Scale uint8 pictures to [-1, 1] and run the network; `highest` keeps float32 from becoming TF32 or bfloat16."""
    import jax
    import jax.numpy as jnp

    with jax.default_matmul_precision(multiplication):
        scaled = pixels.astype(jnp.float32) / _HALF_RANGE - 1.0
        outputs, _ = model.stateless_call(*weights, scaled, training=False)
        return outputs.astype(jnp.float32)


def _seen(device: Any) -> SeenDevice:
    """What JAX says of a device; only CUDA's have a compute capability."""
    if device.platform == "cpu":
        return SeenDevice("CPU")
    if device.platform == "tpu":
        return SeenDevice("TPU", device.device_kind)
    major, _, minor = str(getattr(device, "compute_capability", "")).partition(".")
    capability = (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None
    return SeenDevice("GPU", device.device_kind, capability)

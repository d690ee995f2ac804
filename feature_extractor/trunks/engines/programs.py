"""What an engine is: it sees devices, prepares for one, and turns a network into a program of one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from feature_extractor.trunks.devices import Device, SeenDevice
    from feature_extractor.trunks.weights.arrays import Arrays

Run = Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]
"""Pictures [n, ...] to vectors float32[n, dimensions]; may be called from many threads."""


class Program(Protocol):
    """A network made ready for a device: uint8[n, 299, 299, 3] to float32[n, dimensions]."""

    def __call__(self, pixels: npt.NDArray[Any], /) -> npt.NDArray[np.float32]:
        """Vectors of a batch; each new n may take a compilation."""

    def resident(self, pixels: npt.NDArray[np.uint8], /) -> Callable[[], None]:
        """Put a batch on the device and return what computes it there and waits, fetching nothing: for measuring."""


class KerasEngine(Protocol):
    """An engine for Keras networks."""

    @property
    def name(self) -> str:
        """What the identity's `engine` says; also the name of Keras's backend."""

    @property
    def bfloat16_pays_on_cpu(self) -> bool:
        """Whether a processor that multiplies bfloat16 natively is faster with it on this engine."""

    def devices(self, threads: int) -> tuple[SeenDevice, ...]:
        """Set the engine up, on so many threads (0: one a core), and tell what it sees.

        Must come before anything else is done with it in the process, and after `environment_for` was applied.
        """

    def mixed(self, precision: str, device: Device) -> bool:
        """Whether Keras itself must build the network with bfloat16 layers for this precision on this device."""

    def prepared(self, arrays: Arrays, precision: str, device: Device, layer: str) -> Arrays:
        """The weights as the program of a network cut at `layer` shall hold them; what they are recorded by stays."""

    def program(self, model: Any, precision: str, device: Device, threads: int) -> Program:
        """The program of a Keras model that takes float32[n, 299, 299, 3] in [-1, 1]."""

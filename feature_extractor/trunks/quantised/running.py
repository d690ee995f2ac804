"""Runs a quantised network on OpenVINO.

Importing this module is cheap; `open_quantised` imports OpenVINO.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.trunks.engines.choice import OPENVINO, require_engine
from feature_extractor.trunks.quantised.store import read_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from feature_extractor.trunks.quantised.store import QuantisedTrunk


def open_quantised(trunk: QuantisedTrunk, *, threads: int = 0) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """What computes uint8[n, 299, 299, 3] RGB to float32[n, dimensions], on so many threads (0: one a core).

    Callable from many threads. A picture's vector is the same, bit for bit, in a batch of any size: integers add up
    alike in every order.

    Raises:
        FailedPreconditionError: ENGINE_MISSING.
        DataLossError: WEIGHTS_DAMAGED, its files are not those that were put there.
    """
    require_engine(OPENVINO)
    return CompiledNetwork(*read_model(trunk), threads)


class CompiledNetwork:
    """A compiled network with as many requests as were ever under way at once; each is used by one thread at a time.

    Args:
        graph: content of the .xml file.
        weights: content of the .bin file beside it.
        threads: that compute a batch; 0 is one a core.
    """

    def __init__(self, graph: bytes, weights: bytes, threads: int = 0) -> None:
        import openvino

        core = openvino.Core()
        self._compiled = core.compile_model(core.read_model(graph, weights), "CPU", _properties(threads))
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()

    def __call__(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Run a batch; the batch size is free, its kernels are prepared when a size is first met."""
        try:
            request = self._idle.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        try:
            # The input is read in place; the outcome is copied, as the request's own memory is used again.
            outcome = request.infer({0: np.ascontiguousarray(pixels)}, share_inputs=True)
            return np.array(outcome[0], dtype=np.float32)
        finally:
            self._idle.put(request)


def _properties(threads: int) -> dict[str, Any]:
    return {
        # All threads on one batch: throughput streams take a tenth less of the processor, but twice as long for one
        # picture.
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        # The few layers that stay floating-point are then the same on processors with and without bfloat16; they take
        # no measurable time.
        "INFERENCE_PRECISION_HINT": "f32",
        # Threads bound to cores would wait for the decoding threads that the system happens to run there.
        "ENABLE_CPU_PINNING": False,
        **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
    }

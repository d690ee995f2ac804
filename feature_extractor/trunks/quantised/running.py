"""Runs a quantised network on OpenVINO.

Importing this module is cheap; `open_quantised` imports OpenVINO.
"""

from __future__ import annotations

import os
import queue
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.trunks.engines.choice import OPENVINO, require_engine
from feature_extractor.trunks.quantised.store import read_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from feature_extractor.trunks.quantised.store import QuantisedTrunk

_PARTS = 2


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
    """A network compiled twice: with all threads on one picture, and with half of them on each half of a batch.

    Threads that share a batch wait for each other in every layer, and all the longer where one of them is kept from
    its processor by other work; halves wait for each other once.

    Args:
        graph: content of the .xml file.
        weights: content of the .bin file beside it.
        threads: that compute a batch; 0 is one a core.
    """

    def __init__(self, graph: bytes, weights: bytes, threads: int = 0) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(graph, weights)
        self._whole = _Requests(core.compile_model(model, "CPU", _properties(threads, parts=1)))
        one = (threads or os.cpu_count() or 1) == 1
        self._halves = self._whole if one else _Requests(core.compile_model(model, "CPU", _properties(threads, _PARTS)))
        self._parts = 1 if one else _PARTS

    def __call__(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Run a batch; the batch size is free, its kernels are prepared when a size is first met."""
        pixels = np.ascontiguousarray(pixels)
        if len(pixels) < self._parts:
            return self._whole.run([pixels])
        return self._halves.run(np.array_split(pixels, self._parts))


class _Requests:
    """As many requests as were ever under way at once; each is used by one thread at a time."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()

    def run(self, parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Run the parts of a batch side by side; inputs are read in place."""
        requests = [self._request() for _ in parts]
        try:
            for request, part in zip(requests, parts, strict=True):
                request.start_async({0: part}, share_inputs=True)
        finally:
            for request in requests:  # all of them, whatever happened: they read what is the caller's
                request.wait()
        # Copied, as a request's own memory is used again.
        vectors = np.concatenate([request.get_output_tensor(0).data for request in requests], dtype=np.float32)
        for request in requests:
            self._idle.put(request)
        return vectors

    def _request(self) -> Any:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return self._compiled.create_infer_request()


def _properties(threads: int, parts: int) -> dict[str, Any]:
    return {
        "PERFORMANCE_HINT": "LATENCY" if parts == 1 else "THROUGHPUT",
        "NUM_STREAMS": parts,
        # The few layers that stay floating-point are then the same on processors with and without bfloat16; they take
        # no measurable time.
        "INFERENCE_PRECISION_HINT": "f32",
        # Threads bound to cores would wait for the decoding threads that the system happens to run there.
        "ENABLE_CPU_PINNING": False,
        **({"INFERENCE_NUM_THREADS": threads} if threads else {}),
    }

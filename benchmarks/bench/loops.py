"""A network in a loop, without a service: one picture at a time, or in batches decoded ahead by threads."""

from __future__ import annotations

import itertools
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.rates import closed_loop_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Prepare = Callable[[bytes], NDArray[Any]]
    """From a JPEG's bytes to the network's input for one picture."""
    Run = Callable[[NDArray[Any]], NDArray[np.float32]]
    """From inputs [n, ...] to vectors [n, d]."""

_WARM_UP = 3


def one_at_a_time(prepare: Prepare, run: Run, contents: Sequence[bytes], seconds: float) -> dict[str, Any]:
    """Decode and run pictures one after another for so long; milliseconds of each but the first few."""
    times_ms: list[float] = []
    end = time.perf_counter() + seconds
    for content in itertools.cycle(contents):
        begun = time.perf_counter()
        _check(run(prepare(content)[None]), 1)
        done = time.perf_counter()
        times_ms.append((done - begun) * 1000)
        if done > end and len(times_ms) > _WARM_UP:
            break
    return {"times_ms": times_ms[_WARM_UP:]}


def in_batches(prepare: Prepare, run: Run, contents: Sequence[bytes], batch: int, seconds: float) -> dict[str, Any]:
    """Run batches for so long, decoding ahead as a service would, in one thread a core: pictures a second.

    The first batch starts the clock.
    """
    cores = len(os.sched_getaffinity(0))
    ahead = 2 * batch + cores
    source = itertools.cycle(contents)
    with ThreadPoolExecutor(cores) as pool:
        decoding = deque(pool.submit(prepare, next(source)) for _ in range(ahead))
        ends: list[float] = []
        while len(ends) < 2 or ends[-1] - ends[0] < seconds:  # noqa: PLR2004 - an interval has two ends
            inputs = []
            for _ in range(batch):
                decoding.append(pool.submit(prepare, next(source)))
                inputs.append(decoding.popleft().result())
            vectors = run(np.stack(inputs))
            ends.append(time.perf_counter())
            dimensions = _check(vectors, batch)
    return {"rate": closed_loop_rate([ends], items=batch), "pictures": len(ends) * batch, "dimensions": dimensions}


def _check(vectors: NDArray[np.float32], count: int) -> int:
    """Refuse to time something that gives no vectors."""
    if vectors.shape[0] != count or not np.isfinite(vectors).all() or not vectors.any():
        raise ValueError(f"{count} pictures gave {vectors.shape} values, not all of them usable")
    return int(vectors.shape[1])

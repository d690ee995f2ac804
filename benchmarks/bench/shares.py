"""The load generator's own share of the processors."""

from __future__ import annotations

import os
import time
from typing import Self


class Share:
    """A context that measures what this process takes while it is open.

    Attributes:
        value: processor seconds / wall seconds / cores; 0 to 1.
    """

    value = 0.0

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        wall = time.perf_counter() - self._wall
        self.value = (time.process_time() - self._cpu) / wall / len(os.sched_getaffinity(0))

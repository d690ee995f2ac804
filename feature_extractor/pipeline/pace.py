"""How large the next batch is and how long it may wait for company, from what batches have cost so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMOOTHING = 0.2
# Bulk pictures may ride along with interactive ones as long as the batch takes no more than a quarter longer: on a
# processor, where a batch costs what its pictures cost, that is none; on a GPU it is a good part of the batch.
_RIDE_ALONG = 1.25
_WAIT_SHARE = 0.1
_WHOLE = 8  # on a processor a picture costs no less in a larger batch


class Pace:
    """Learns what batches cost; belongs to one thread at a time, but for `seconds_per_picture`.

    Args:
        sizes: the batch sizes the trunk runs, ascending from 1.
        max_batch_s: no batch is begun that is known to take longer, in seconds, unless it is a single picture: it is
            what an interactive picture may have to wait for. On a processor large batches gain next to nothing.
        max_wait_s: longest wait for company, in seconds.
    """

    def __init__(self, sizes: Sequence[int], *, max_batch_s: float, max_wait_s: float) -> None:
        self._sizes = tuple(sizes)
        self._max_batch_s = max_batch_s
        self._max_wait_s = max_wait_s
        self._seconds: dict[int, float] = {}
        self._last: tuple[int, float] = (0, 0.0)
        self.seconds_per_picture = 0.0
        """Smoothed time for a picture where many wait: in the largest batch that was measured and that may be run; 0
        before the first batch. On an accelerator a lone picture takes many times as long."""

    def record(self, size: int, seconds: float) -> None:
        """Learn from a batch that ran."""
        self._last = size, seconds
        self._seconds[size] = _smoothed(self._seconds.get(size), seconds)
        # A size found too slow is not run any more and so would be too slow for ever, after one bad moment of the
        # machine. It takes no longer than its pictures in batches of this size: what is known of it follows that.
        for larger, known in self._seconds.items():
            if larger > size and known > (bound := self._seconds[size] * larger / size):
                self._seconds[larger] = _smoothed(known, bound)
        self.seconds_per_picture = self._rate(self.limit())

    def limit(self) -> int:
        """Pictures that the next batch may hold."""
        allowed = [size for size in self._sizes if self._estimate(size) <= self._max_batch_s]
        return max(allowed, default=1)

    def whole(self) -> int:
        """Pictures that make a batch worth running beside another."""
        return min(self.limit(), _WHOLE)

    def choose(self, interactive: int, bulk: int, bulk_due: int) -> tuple[int, int]:
        """How many of those waiting in each lane make the next batch; at least one if any waits.

        `bulk_due` pictures of the bulk lane come along whatever that costs.
        """
        limit = self.limit()
        if not interactive:
            return 0, self._floor(min(bulk, limit))
        due = min(bulk_due, bulk, limit)
        alone = self._floor(min(interactive, limit))
        fill = self._fill(min(interactive, limit), bulk)
        if fill >= due:
            return (min(interactive, limit), fill) if fill else (alone, 0)
        return min(alone, limit - due), due

    def company(self) -> tuple[int, float]:
        """The number of pictures worth waiting for, and the seconds to wait for them.

        Callers answered together come back together, but a little apart. After a batch of one nothing is waited for: a
        lone caller would wait in vain each time.
        """
        size, seconds = self._last
        return (min(size, self.limit()), min(self._max_wait_s, _WAIT_SHARE * seconds)) if size > 1 else (1, 0.0)

    def _fill(self, interactive: int, bulk: int) -> int:
        """Bulk pictures that ride along with these."""
        bearable = _RIDE_ALONG * sum(self._estimate(size) for size in self._split(interactive))
        total = max(
            (
                size
                for size in self._sizes
                if interactive <= size <= min(interactive + bulk, self.limit()) and self._estimate(size) <= bearable
            ),
            default=interactive,
        )
        return total - interactive if self.seconds_per_picture else 0

    def _estimate(self, size: int) -> float:
        return self._seconds[size] if size in self._seconds else size * self._rate(size)

    def _rate(self, size: int) -> float:
        """Seconds for a picture in the largest batch measured up to this size: in a larger one it takes no longer."""
        if not self._seconds:
            return 0.0
        nearest = max((each for each in self._seconds if each <= size), default=min(self._seconds))
        return self._seconds[nearest] / nearest

    def _floor(self, count: int) -> int:
        """The largest size that these fill: the rest is answered no later for being the next batch."""
        return max((size for size in self._sizes if size <= count), default=0)

    def _split(self, count: int) -> list[int]:
        parts = []
        while count:
            parts.append(self._floor(count))
            count -= parts[-1]
        return parts


def _smoothed(known: float | None, measured: float) -> float:
    return measured if known is None else known + _SMOOTHING * (measured - known)

"""The trunk: from pixels to float32 bottleneck vectors, in batches of a few fixed sizes, whatever engine runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.decoding.squares import INPUT_SIZE_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from feature_extractor.trunks.devices import Device
    from feature_extractor.trunks.engines.programs import Run
    from feature_extractor.trunks.identity import TrunkIdentity

BUCKETS = (1, 2, 4, 8, 16, 32)
"""Batch sizes the network is run with. Engines plan or compile their kernels for each shape: six are planned at warm-up
instead of one whenever a new size comes along."""

_BLACK = np.zeros((INPUT_SIZE_PX, INPUT_SIZE_PX, 3), np.uint8)


class Trunk:
    """Turns pictures into vectors. Calls may come from many threads; the engine runs them side by side.

    A picture's vector depends on the batch it travels in only by rounding; docs/engines.md has the bounds.

    Args:
        run: computes a batch.
        blank: one picture as `run` takes it, to warm up and to fill batches with.

    Attributes:
        identity: what the vectors depend on.
        dimensions: length of a vector.
        device: `CPU`, or `GPU` or `TPU` and its name.
        buckets: the batch sizes in use, ascending.
        concurrency: batches worth running at once.
        reserve: batches more worth running while many pictures wait that must not be kept waiting.
        run: what computes a batch of one of these sizes; the engine's program.
    """

    def __init__(
        self,
        run: Run,
        identity: TrunkIdentity,
        *,
        dimensions: int,
        device: Device,
        buckets: Sequence[int] = BUCKETS,
        blank: NDArray[Any] = _BLACK,
    ) -> None:
        self.identity = identity
        self.dimensions = dimensions
        self.device = device.name
        self.buckets = check_buckets(buckets)
        self.concurrency, self.reserve = device.concurrency, device.reserve
        self.run = run
        self._blank = blank
        self._split = pad_batch if device.accelerated else split_batch

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """[n, ...] to float32[n, dimensions], for any n; uint8[n, 299, 299, 3] RGB for all but frozen graphs."""
        vectors = np.empty((len(pixels), self.dimensions), np.float32)
        start = 0
        for size in self._split(len(pixels), self.buckets):
            batch = pixels[start : start + size]
            count = len(batch)
            if count < size:
                batch = np.concatenate([batch, self._blanks(size - count)])
            vectors[start : start + count] = self.run(batch)[:count]
            start += count
        return vectors

    def warm_up(self) -> None:
        """Run every bucket once, so that no caller waits for kernels to be planned."""
        for size in self.buckets:
            self.run(self._blanks(size))

    def _blanks(self, count: int) -> NDArray[Any]:
        return np.repeat(self._blank[np.newaxis], count, axis=0)


def split_batch(count: int, buckets: Sequence[int]) -> list[int]:
    """Sizes to run `count` pictures in: the largest bucket that fits, again and again; nothing is padded.

    Padding 5 to 8 would compute 8 pictures; 4 + 1 computes 5, and a small batch is nearly as fast for each picture.
    """
    sizes: list[int] = []
    for bucket in reversed(buckets):
        sizes += [bucket] * (count // bucket)
        count %= bucket
    return sizes


def pad_batch(count: int, buckets: Sequence[int]) -> list[int]:
    """Sizes to run `count` pictures in on an accelerator: the last batch is filled up to the next bucket with blanks.

    A small batch leaves most of it idle: 31 pictures as 16 + 8 + 4 + 2 + 1 would take several times as long as 32.
    """
    largest = buckets[-1]
    rest = count % largest
    return [largest] * (count // largest) + ([min(size for size in buckets if size >= rest)] if rest else [])


def check_buckets(buckets: Sequence[int]) -> tuple[int, ...]:
    """Ascending, distinct, from 1 on (so that any number of pictures can be split).

    Raises:
        ValueError: they are not.
    """
    ordered = tuple(buckets)
    if not ordered or ordered[0] != 1 or list(ordered) != sorted(set(ordered)):
        raise ValueError(f"batch sizes must ascend from 1 without repetition: {ordered}")
    return ordered

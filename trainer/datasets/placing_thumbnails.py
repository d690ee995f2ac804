"""Keeps the thumbnails of pictures that were compared, so that a dataset that grows is not read again each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from trainer.diagnosis.thumbnails import SIDE_PX, read_thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.diagnosis.thumbnails import ByteArray

KEPT: Final = 100_000
"""Thumbnails in memory, about 100 MB; reading one again takes a millisecond."""


class Thumbnails:
    """Thumbnails by digest; one thread at a time.

    Args:
        previews: returns the JPEG of each digest, empty for one that has none.
        kept: how many are kept at most, those read last.
    """

    def __init__(self, previews: Callable[[Sequence[bytes]], list[bytes]], kept: int = KEPT) -> None:
        self._previews = previews
        self._kept = kept
        self._known: dict[bytes, ByteArray] = {}

    def read(
        self, digests: Sequence[bytes], report: Callable[[int, int], None] = lambda _done, _total: None
    ) -> ByteArray:
        """Return uint8[n, 1024], a row for each digest, of zeros where there is no preview; see `read_thumbnails`.

        `report` is told how many of how many that are not known yet are read; what it raises ends the reading.

        Raises:
            UnavailableError: reason EXTRACTOR_UNAVAILABLE.
        """
        rows = np.zeros((len(digests), SIDE_PX * SIDE_PX), np.uint8)
        unread = [row for row, digest in enumerate(digests) if digest not in self._known]
        if unread:
            rows[unread] = read_thumbnails(self._previews, [digests[row] for row in unread], report)
        for row, digest in enumerate(digests):
            if digest in self._known:
                rows[row] = self._known[digest]
        for row in unread:
            if rows[row].any():  # a preview may come yet
                self._known[digests[row]] = rows[row].copy()
        while len(self._known) > self._kept:
            del self._known[next(iter(self._known))]
        return rows

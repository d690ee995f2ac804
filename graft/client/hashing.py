"""Reads pictures ahead in threads, so that disk, SHA-256 and the network overlap; holds digests, never the bytes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Final

from graft.client.pictures import Hashed, hash_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from graft.client.pictures import LabelledPicture

GROUP: Final = 128
"""Pictures that are hashed, and looked up in the cache, together."""

_THREADS: Final = 4


class HashingReader:
    """Hashes an iterable of pictures in groups, always one group ahead.

    The iterable is advanced by one thread at a time, but not by the caller's.
    """

    def __init__(self, items: Iterable[LabelledPicture]) -> None:
        self._items = iter(items)
        self._walker = ThreadPoolExecutor(1, "graft-walk")
        self._hashers = ThreadPoolExecutor(_THREADS, "graft-hash")
        self._ahead: Future[list[Hashed]] | None = None

    def next_group(self) -> list[Hashed]:
        """Return the next pictures, in order; an empty list at the end. Blocks until they are hashed."""
        group = (self._ahead or self._walker.submit(self._load)).result()
        if group:
            self._ahead = self._walker.submit(self._load)
        return group

    def close(self) -> None:
        """Let go of the threads; a file that is being read is read to its end."""
        self._walker.shutdown(wait=False, cancel_futures=True)
        self._hashers.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> list[Hashed]:
        batch: Iterator[LabelledPicture] = islice(self._items, GROUP)
        return list(self._hashers.map(hash_item, batch))

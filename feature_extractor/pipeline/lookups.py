"""Reads the cache for those who can do without it: a cache that cannot be read holds nothing for the moment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.cache.records import Vector
    from feature_extractor.pipeline.work import VectorCache

_log = logging.getLogger(__name__)


class Lookups:
    """A cache whose failures cost a computation, not an answer.

    Args:
        cache: what is read.
    """

    def __init__(self, cache: VectorCache) -> None:
        self._cache = cache
        # Whether the last look-up succeeded, so that the log tells changes only; a lost race costs one line.
        self._readable = True

    def get_many(self, keys: Sequence[bytes], *, counted: bool = True) -> list[Vector | None]:
        """The vector or None for each key, in order; None for all if the cache cannot be read.

        Raises:
            UnavailableError: CACHE_CLOSED, the extractor is stopping.
        """
        try:
            vectors = self._cache.get_many(keys, counted=counted)
        except GraftError as error:
            if error.reason == "CACHE_CLOSED":
                raise
            if self._readable:
                self._readable = False
                _log.error("the cache cannot be read, so that vectors are computed anew: %s", error)
            return [None] * len(keys)
        if not self._readable:
            self._readable = True
            _log.warning("the cache is read again")
        return vectors

"""Looks at every answer of the extractor once the clock has stopped: a fast wrong answer is no answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable


class WrongAnswerError(RuntimeError):
    """An answer was an error, or not the vector it should be."""


@dataclass
class Findings:
    """What the answers of one measurement had in common.

    Attributes:
        fingerprints: those seen, hexadecimal.
        dimensions: lengths of vectors seen.
        pictures: vectors seen.
        cached: how many came from the cache.
        trunk_ms: the trunk's time for the batch of each picture, where timings were asked for.
    """

    fingerprints: set[str] = field(default_factory=set)
    dimensions: set[int] = field(default_factory=set)
    pictures: int = 0
    cached: int = 0
    trunk_ms: list[float] = field(default_factory=list)

    def look_at(self, responses: Iterable[Any], expected: int) -> None:
        """Look at responses of ExtractFeatures or StreamFeatures, `expected` pictures each.

        Raises:
            WrongAnswerError: one is not what it should be.
        """
        for response in responses:
            if len(response.results) != expected:
                raise WrongAnswerError(f"{len(response.results)} results for {expected} pictures")
            self.fingerprints.add(response.fingerprint.hex())
            self.dimensions.add(response.dimensions)
            for result in response.results:
                self._look_at(result, response.dimensions)

    def look_at_rows(self, response: Any) -> None:
        """Look at a response of LookupFeatures.

        Raises:
            WrongAnswerError: vectors are missing or of a wrong length.
        """
        if response.missing_digests:
            raise WrongAnswerError(f"{len(response.missing_digests)} vectors were missing")
        rows = np.frombuffer(response.vectors, "<f4").reshape(len(response.digests), response.dimensions)
        if not rows.any(axis=1).all():
            raise WrongAnswerError("a vector is nothing but zeros")
        self.fingerprints.add(response.fingerprint.hex())
        self.dimensions.add(response.dimensions)
        self.pictures += len(rows)

    def summary(self) -> dict[str, Any]:
        """For the report.

        Raises:
            WrongAnswerError: the answers were of several trunks, or there were none.
        """
        if len(self.fingerprints) != 1 or len(self.dimensions) != 1:
            raise WrongAnswerError(f"answers of trunks {self.fingerprints}, dimensions {self.dimensions}")
        return {
            "fingerprint": min(self.fingerprints),
            "dimensions": min(self.dimensions),
            "pictures": self.pictures,
            "cached": self.cached,
            "trunk_ms": self.trunk_ms,
        }

    def _look_at(self, result: Any, dimensions: int) -> None:
        if result.WhichOneof("outcome") != "vector":
            raise WrongAnswerError(f"a picture was answered with {result.error.code}: {result.error.message}")
        vector = np.frombuffer(result.vector, "<f4")
        if len(vector) != dimensions or not np.isfinite(vector).all() or not vector.any():
            raise WrongAnswerError(f"{len(vector)} values instead of {dimensions}, or not all of them usable")
        self.pictures += 1
        self.cached += result.cached
        if result.HasField("timings"):
            self.trunk_ms.append(result.timings.trunk_ms)

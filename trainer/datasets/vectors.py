"""The cached vectors of a dataset's pictures, fetched from the extractor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from graft.errors import FailedPreconditionError
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.datasets.snapshots import Snapshot
    from trainer.fitting.batches import FloatArray

_LOOKUP_DIGESTS = 8192
"""Digests asked for at once: a cancelled job is noticed between two look-ups."""

_SHOWN_DIGESTS = 5


class FeatureSource(Protocol):
    """Whoever has the vectors; both methods raise UnavailableError, reason EXTRACTOR_UNAVAILABLE, when it is away."""

    def fingerprint(self) -> bytes:
        """Return the 16 bytes that say what its vectors mean."""
        ...

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[FloatArray, list[bytes]]:
        """Return (float32[found, d] in the order asked, the digests that are not there) of one view; 0 is the plain."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """The vectors of a snapshot.

    Attributes:
        rows: float32[n, d], one for each example, in the snapshot's order.
        fingerprint: of the trunk they come from, 16 bytes.
    """

    rows: FloatArray
    fingerprint: bytes


def load_vectors(
    features: FeatureSource, dataset: str, snapshot: Snapshot, report: Callable[[Progress], None]
) -> Vectors:
    """Fetch a vector for each example of the snapshot, all of one trunk.

    Raises:
        FailedPreconditionError: FEATURES_MISSING, some are not cached any more; FINGERPRINT_CHANGED, the extractor got
            another trunk meanwhile.
        UnavailableError: EXTRACTOR_UNAVAILABLE.
    """
    fingerprint = features.fingerprint()
    wanted = list(dict.fromkeys(snapshot.digests))  # sorted, each once
    vectors: FloatArray | None = None
    missing: list[bytes] = []
    for start in range(0, len(wanted), _LOOKUP_DIGESTS):
        asked = wanted[start : start + _LOOKUP_DIGESTS]
        found, absent = features.lookup(asked)
        missing += absent
        if not absent:
            if vectors is None:
                vectors = np.empty((len(wanted), found.shape[1]), np.float32)
            if found.shape[1] != vectors.shape[1]:
                raise _trunk_changed()
            vectors[start : start + len(asked)] = found
        report(Progress(Phase.LOADING, start + len(asked), len(wanted)))
    if features.fingerprint() != fingerprint:
        raise _trunk_changed()
    if missing or vectors is None:
        shown = ", ".join(digest.hex() for digest in missing[:_SHOWN_DIGESTS])
        raise FailedPreconditionError(
            f"{len(missing)} of the {len(wanted)} pictures of dataset {dataset!r} have no cached vector "
            f"({shown}{', …' if len(missing) > _SHOWN_DIGESTS else ''}): import the same folder again, which "
            "sends just those, then train again",
            reason="FEATURES_MISSING",
            metadata={"missing": str(len(missing))},
        )
    if len(wanted) != len(snapshot.digests):
        place = {digest: row for row, digest in enumerate(wanted)}  # a picture with two labels has a row for each
        vectors = vectors[[place[digest] for digest in snapshot.digests]]
    return Vectors(vectors, fingerprint)


def _trunk_changed() -> FailedPreconditionError:
    return FailedPreconditionError(
        "the extractor's trunk changed while its vectors were fetched: train again", reason="FINGERPRINT_CHANGED"
    )

"""Places the pictures of a dataset in its parts for good, so that near duplicates are on one side of the split.

Near duplicates are known by their thumbnails, and by their vectors in a space that is fitted to the dataset
(`trainer.datasets.placing_search`). One picture, or the first message of an import, says little about it. So pictures
are placed many at a time: when an import ends, and at the latest before anything is trained or measured. Then the
order of the pictures in an import does not matter, two imports at once cannot miss each other's pictures, and
acknowledging a picture costs nothing more.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import numpy as np

from graft.errors import FailedPreconditionError
from trainer.datasets.placing_rule import choose_parts
from trainer.datasets.placing_search import Compared, find_near
from trainer.datasets.split import Part
from trainer.diagnosis.similarity_space import MIN_ROWS, fit_space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.catalog.parts import PartStore, Placement
    from trainer.datasets.placing_thumbnails import Thumbnails
    from trainer.datasets.vectors import FeatureSource
    from trainer.fitting.batches import FloatArray

FEW_EXAMPLES: Final = 10_000
"""Up to here placing takes a second or two, and is done whenever an import ends."""

WORTH_SHARE: Final = 0.05
"""Above, it waits until so many are new: all are compared with each newcomer's, however few these are."""

FIT_ROWS: Final = 20_000
"""The space is fitted to so many pictures at most; digests are random, so the smallest are a fair sample."""

_LOOKUP_DIGESTS: Final = 8192


class Placer:
    """Places pictures; one dataset at a time, in the caller's thread, which is not the event loop's.

    Args:
        parts: where pictures are.
        features: the vectors.
        thumbnails: what the pictures look like.
    """

    def __init__(self, parts: PartStore, features: FeatureSource, thumbnails: Thumbnails) -> None:
        self._parts = parts
        self._features = features
        self._thumbnails = thumbnails
        self._lock = threading.Lock()  # held while a dataset's vectors are in memory: those of one at a time

    def place_after_import(self, dataset: str, report: Callable[[int, int], None] = lambda _done, _total: None) -> int:
        """Place what an import has added, if it is worth it now; see `place`."""
        unplaced, examples = self._parts.counts(dataset)
        if examples > FEW_EXAMPLES and unplaced < examples * WORTH_SHARE:
            return 0
        return self.place(dataset, report)

    def place(self, dataset: str, report: Callable[[int, int], None] = lambda _done, _total: None) -> int:
        """Place every picture that is not, and return how many were; nothing is computed if there is none.

        Pictures without a cached vector cannot be compared: a new one stays unplaced until it is imported again, a
        placed one is passed over.

        Args:
            dataset: its name.
            report: told how many steps of how many are done, of about equal length; what it raises ends it, and nothing
                is placed.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            UnavailableError: reason EXTRACTOR_UNAVAILABLE; nothing was placed.
            FailedPreconditionError: reason FINGERPRINT_CHANGED; nothing was placed.
        """
        if not self._parts.counts(dataset)[0]:
            return 0
        with self._lock:
            every = self._parts.placements(dataset)
            every.sort(key=lambda each: not each.unplaced)  # newcomers first, each kind by digest
            fingerprint = self._features.fingerprint()
            new = sum(each.unplaced for each in every)
            steps = _Steps(report, 2 * len(every) + 2 * new)
            projected, known = self._projected([each.digest for each in every], steps.begin(len(every)))
            if self._features.fingerprint() != fingerprint:
                raise _trunk_changed()
            pictures = [every[row] for row in known]
            newcomers = [each for each in pictures if each.unplaced]
            read = steps.begin(len(every))
            thumbnails = self._thumbnails.read([each.digest for each in pictures], read)
            near = find_near(Compared(projected, thumbnails, len(newcomers)), steps.begin(2 * new))
            followed = [
                (float(similarity), pictures[row].part) if row >= 0 else None
                for row, similarity in zip(near.nearest, near.similarities, strict=True)
            ]
            trained = {label for each in _placed_in_training(every) for label in each.labels}
            chosen = choose_parts(newcomers, near.first_rows.tolist(), followed, trained)
            self._parts.place(dataset, chosen)
            steps.end()
        return len(chosen)

    def _projected(self, digests: Sequence[bytes], report: Callable[[int, int], None]) -> tuple[FloatArray, list[int]]:
        """Return float32[n, k] in the space of the dataset, for those that have a vector, and which those are."""
        sample, _ = self._features.lookup(sorted(digests)[:FIT_ROWS])
        if len(sample) < MIN_ROWS:  # nothing says what sets two vectors apart: only thumbnails tell
            _, missing = self._features.lookup(digests)
            known = _known(digests, missing)
            return np.zeros((len(known), 1), np.float32), known
        space = fit_space(sample)
        del sample
        projected = np.empty((len(digests), space.basis.shape[1]), np.float32)
        known = []
        for start in range(0, len(digests), _LOOKUP_DIGESTS):
            asked = digests[start : start + _LOOKUP_DIGESTS]
            found, missing = self._features.lookup(asked)
            if len(found):
                if found.shape[1] != len(space.mean):
                    raise _trunk_changed()
                projected[len(known) : len(known) + len(found)] = space.project(found)
            known += [start + row for row in _known(asked, missing)]
            report(start + len(asked), len(digests))
        return projected[: len(known)], known


class _Steps:
    """The steps of several pieces of work, reported as those of one."""

    def __init__(self, report: Callable[[int, int], None], total: int) -> None:
        self._report, self._total, self._begun = report, total, 0
        report(0, total)

    def end(self) -> None:
        """Report that all is done."""
        self._report(self._total, self._total)

    def begin(self, steps: int) -> Callable[[int, int], None]:
        """Return what a piece of so many steps reports to, itself counting as it likes."""
        before = self._begun
        self._begun += steps
        return lambda done, total: self._report(before + (done * steps // total if total else steps), self._total)


def _known(digests: Sequence[bytes], missing: Sequence[bytes]) -> list[int]:
    absent = set(missing)
    return [row for row, digest in enumerate(digests) if digest not in absent]


def _placed_in_training(every: Sequence[Placement]) -> list[Placement]:
    return [each for each in every if not each.unplaced and each.part is Part.TRAINING]


def _trunk_changed() -> FailedPreconditionError:
    return FailedPreconditionError(
        "the extractor's trunk changed while pictures were compared: try again", reason="FINGERPRINT_CHANGED"
    )

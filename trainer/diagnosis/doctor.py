"""The doctor: looks for what is wrong with a dataset, before anything is trained on it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from graft.errors import FailedPreconditionError
from trainer.datasets.vectors import FeatureSource
from trainer.diagnosis import catalog_findings
from trainer.diagnosis.findings import Diagnosis, Finding, FindingList, Kind, Picture
from trainer.diagnosis.thumbnails import read_thumbnails
from trainer.diagnosis.vector_findings import vector_findings
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.catalog.examples import Example
    from trainer.fitting.batches import FloatArray

    Report = Callable[[Progress], None]

_LOOKUP_DIGESTS: Final = 8192


class PictureSource(FeatureSource, Protocol):
    """Whoever has the vectors and previews; all raise UnavailableError, reason EXTRACTOR_UNAVAILABLE, when away."""

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the preview of each, a JPEG; empty for one that has none."""
        ...


class Examples(Protocol):
    """Whoever knows the examples of the datasets."""

    def all_examples(self, dataset: str) -> list[Example]:
        """Return every example by digest and label; raises NotFoundError, reason DATASET_NOT_FOUND."""
        ...


class FurtherSources(Protocol):
    """Whoever knows further names of the examples' files."""

    def of_dataset(self, dataset: str) -> Mapping[tuple[bytes, str], tuple[str, ...]]:
        """Return them by digest and label."""
        ...


class Doctor:
    """Diagnoses datasets, in a thread other than the event loop's."""

    def __init__(self, examples: Examples, sources: FurtherSources, features: PictureSource) -> None:
        self._examples, self._sources, self._features = examples, sources, features

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the preview of each picture, a JPEG; empty for one that has none.

        Raises:
            UnavailableError: reason EXTRACTOR_UNAVAILABLE.
        """
        return self._features.previews(digests)

    def examine(self, dataset: str, max_findings: int, report: Report) -> Diagnosis:
        """Return what is wrong with a dataset, `max_findings` of each kind.

        Args:
            dataset: its name.
            max_findings: at most so many of each kind are told; all are counted.
            report: told how far it is; what it raises ends the work.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            UnavailableError: reason EXTRACTOR_UNAVAILABLE.
            FailedPreconditionError: reason FINGERPRINT_CHANGED.
        """
        report(Progress(Phase.LOADING))
        further = self._sources.of_dataset(dataset)
        every = [
            Picture(each.digest, each.label, each.source_name, each.part, further.get((each.digest, each.label), ()))
            for each in self._examples.all_examples(dataset)
        ]
        pictures = [tuple(same) for _, same in groupby(every, key=lambda each: each.digest)]  # sorted by digest
        vectors, present = self._load([each[0].digest for each in pictures], report)
        readable = [each for each, there in zip(pictures, present, strict=True) if there]
        thumbnails = read_thumbnails(
            self._features.previews,
            [each[0].digest for each in readable],
            lambda done, total: report(Progress(Phase.LOADING, done, total)),
        )
        found, groups, judged = vector_findings(readable, vectors, thumbnails, report)
        found |= {
            Kind.EXACT_DUPLICATE: catalog_findings.exact_duplicates(every),
            Kind.LABEL_CONFLICT: catalog_findings.label_conflicts(every),
            Kind.UNREADABLE: [Finding((each[0],)) for each, there in zip(pictures, present, strict=True) if not there],
            Kind.SMALL_CLASS: catalog_findings.small_classes(every),
            Kind.IMBALANCE: catalog_findings.imbalances(every),
        }
        lists = tuple(FindingList(kind, len(found[kind]), tuple(found[kind][:max_findings])) for kind in Kind)
        previews = int(thumbnails.any(axis=1).sum())
        return Diagnosis(dataset, len(every), len(pictures), previews, judged, groups, lists)

    def _load(self, digests: Sequence[bytes], report: Report) -> tuple[FloatArray, list[bool]]:
        """Return float32[m, d] of the pictures that have a vector, and which these are."""
        fingerprint = self._features.fingerprint()
        vectors: FloatArray = np.empty((0, 1), np.float32)
        absent: set[bytes] = set()
        count = 0
        for start in range(0, len(digests), _LOOKUP_DIGESTS):
            found, missing = self._features.lookup(digests[start : start + _LOOKUP_DIGESTS])
            absent.update(missing)
            if len(found):
                if not count:  # all at once: pieces that are joined are held twice
                    vectors = np.empty((len(digests) - len(absent), found.shape[1]), np.float32)
                if found.shape[1] != vectors.shape[1]:
                    raise _trunk_changed()
                vectors[count : count + len(found)] = found
                count += len(found)
            report(Progress(Phase.LOADING, min(start + _LOOKUP_DIGESTS, len(digests)), len(digests)))
        if self._features.fingerprint() != fingerprint:
            raise _trunk_changed()
        return vectors[:count], [digest not in absent for digest in digests]


def _trunk_changed() -> FailedPreconditionError:
    return FailedPreconditionError(
        "the extractor's trunk changed while its vectors were fetched: ask again", reason="FINGERPRINT_CHANGED"
    )

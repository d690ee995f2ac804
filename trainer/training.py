"""What a training job does: snapshot, vectors, fit, evaluation, a new version."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import numpy as np

from graft.errors import FailedPreconditionError
from trainer import heads, recipes
from trainer.evaluate import evaluate
from trainer.fit import TrainingData
from trainer.progress import Phase, Progress
from trainer.snapshots import Snapshot, check_trainable, take_snapshot
from trainer.split import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.batches import FloatArray
    from trainer.catalog.examples import ExampleStore
    from trainer.catalog.job_records import Job
    from trainer.evaluate import Evaluation
    from trainer.fit import FittedHead
    from trainer.registry import Registry

    Fit = Callable[
        [recipes.Recipe, TrainingData, Callable[[Progress], None], Callable[[], bool]],
        FittedHead,
    ]

_LOOKUP_DIGESTS = 8192
"""Digests asked for at once: a cancelled job is noticed between two look-ups."""

_SHOWN_DIGESTS = 5


class FeatureSource(Protocol):
    """Whoever has the vectors; both methods raise UnavailableError, reason EXTRACTOR_UNAVAILABLE, when it is away."""

    def fingerprint(self) -> bytes:
        """Return the 16 bytes that say what its vectors mean."""
        ...

    def lookup(self, digests: Sequence[bytes]) -> tuple[FloatArray, list[bytes]]:
        """Return (float32[found, d] in the order asked, the digests that are not there)."""
        ...


class Training:
    """Runs training jobs, one at a time."""

    def __init__(
        self, examples: ExampleStore, features: FeatureSource, registry: Registry, fit: Fit, code_version: str
    ) -> None:
        """Wire it up: `fit` is `trainer.fit.fit`; `code_version` of Graft goes into each manifest."""
        self._examples, self._features, self._registry = examples, features, registry
        self._fit, self._code_version = fit, code_version

    def check(self, dataset: str) -> None:
        """Refuse at once what `run` would refuse later.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            FailedPreconditionError: reason DATASET_NOT_TRAINABLE.
        """
        check_trainable(dataset, self._examples.counts(dataset))

    def run(
        self,
        job: Job,
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        commit: Callable[[], None],
    ) -> int:
        """Do the job and return the number of the new version.

        Args:
            job: the job.
            report: takes progress; it raises CancelledError for a job that was cancelled.
            cancelled: whether the job was cancelled.
            commit: called just before the version is written; raises CancelledError if the job was cancelled, and
                from then on it cannot be.

        Raises:
            GraftError: with the reason that the job failed for.
        """
        report(Progress(Phase.LOADING))
        recipe = recipes.from_dict(job.recipe)
        self.check(job.dataset)
        snapshot = take_snapshot(self._examples.all_examples(job.dataset))
        fingerprint = self._features.fingerprint()
        vectors = self._vectors(job.dataset, snapshot, fingerprint, report)
        data = TrainingData(
            vectors,
            snapshot.label_rows,
            snapshot.parts[Part.TRAINING],
            snapshot.parts[Part.VALIDATION],
            len(snapshot.labels),
        )
        fitted = self._fit(recipe, data, report, cancelled)
        report(Progress(Phase.EVALUATING))
        test = snapshot.parts[Part.TEST]
        evaluation = evaluate(heads.predict(fitted.network, vectors[test]), snapshot.label_rows[test])
        commit()
        facts = self._facts(job, recipe, snapshot, fingerprint, fitted, evaluation)
        return self._registry.publish(job.classifier, job.number, fitted.network, facts).version

    def _vectors(
        self, dataset: str, snapshot: Snapshot, fingerprint: bytes, report: Callable[[Progress], None]
    ) -> FloatArray:
        """Return float32[n, d], a row for each example of the snapshot, all of the trunk of this fingerprint."""
        wanted = list(dict.fromkeys(snapshot.digests))  # sorted, each once
        vectors: FloatArray | None = None
        missing: list[bytes] = []
        for start in range(0, len(wanted), _LOOKUP_DIGESTS):
            asked = wanted[start : start + _LOOKUP_DIGESTS]
            found, absent = self._features.lookup(asked)
            missing += absent
            if not absent:
                if vectors is None:
                    vectors = np.empty((len(wanted), found.shape[1]), np.float32)
                if found.shape[1] != vectors.shape[1]:
                    raise _trunk_changed()
                vectors[start : start + len(asked)] = found
            report(Progress(Phase.LOADING, start + len(asked), len(wanted)))
        if self._features.fingerprint() != fingerprint:
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
        if len(wanted) == len(snapshot.digests):
            return vectors
        place = {digest: row for row, digest in enumerate(wanted)}  # a picture with two labels has a row for each
        return vectors[[place[digest] for digest in snapshot.digests]]

    def _facts(
        self,
        job: Job,
        recipe: recipes.Recipe,
        snapshot: Snapshot,
        fingerprint: bytes,
        fitted: FittedHead,
        evaluation: Evaluation,
    ) -> dict[str, object]:
        """Return the manifest's part that the registry does not know (format: `trainer.heads`)."""
        return {
            "labels": list(snapshot.labels),
            "fingerprint": fingerprint.hex(),
            "recipe": recipes.to_dict(recipe),
            "seed": recipe.seed,
            "dataset": {
                "name": job.dataset,
                "snapshot_sha256": snapshot.sha256.hex(),
                **{str(part): len(rows) for part, rows in snapshot.parts.items()},
            },
            "training": {"steps": fitted.steps, "epochs": fitted.epochs, "stop_reason": fitted.stop_reason},
            "metrics": {"test": evaluation.to_dict()},
            "created_ms": int(time.time() * 1000),
            "code_version": self._code_version,
        }


def _trunk_changed() -> FailedPreconditionError:
    return FailedPreconditionError(
        "the extractor's trunk changed while its vectors were fetched: train again", reason="FINGERPRINT_CHANGED"
    )

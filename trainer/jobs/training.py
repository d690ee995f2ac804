"""What a training job does: snapshot, vectors, fit, evaluation, a new version."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from trainer import recipes
from trainer.datasets.snapshots import Snapshot, check_trainable, take_snapshot
from trainer.datasets.split import Part
from trainer.datasets.vectors import load_vectors
from trainer.evaluation.assessment import Pictures, assess
from trainer.evaluation.held_out import folds_of
from trainer.fitting.checkpoints import NO_CHECKPOINTS
from trainer.fitting.training_data import training_data
from trainer.jobs.progress import Phase, Progress
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.catalog.examples import ExampleStore
    from trainer.catalog.job_records import Job
    from trainer.datasets.vectors import FeatureSource
    from trainer.evaluation.assessment import Assessed
    from trainer.fitting.batches import RowArray
    from trainer.fitting.checkpoints import Checkpoints
    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.jobs.folders import JobFolders
    from trainer.registry.registry import Registry

    Fit = Callable[
        [recipes.Recipe, TrainingData, Callable[[Progress], None], Callable[[], bool], Checkpoints],
        FittedHead,
    ]


class Training:
    """Runs training jobs, one at a time."""

    def __init__(
        self,
        examples: ExampleStore,
        features: FeatureSource,
        registry: Registry,
        folders: JobFolders,
        fit: Fit,
        code_version: str,
        false_accept_rate: float = 0.05,
    ) -> None:
        """Wire it up.

        Args:
            examples: the datasets' examples.
            features: who has the vectors.
            registry: where versions go.
            folders: where jobs leave checkpoints.
            fit: `trainer.fitting.fit.fit`.
            code_version: of Graft; goes into each manifest.
            false_accept_rate: share of pictures of no known class that heads may call KNOWN.
        """
        self._examples, self._features, self._registry, self._folders = examples, features, registry, folders
        self._fit, self._code_version, self._false_accept_rate = fit, code_version, false_accept_rate

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
        note: Callable[[str], None],
    ) -> int:
        """Do the job and return the number of the new version.

        Args:
            job: the job.
            report: takes progress; it raises CancelledError for a job that was cancelled.
            cancelled: whether the job was cancelled.
            commit: called just before the version is written; raises CancelledError if the job was cancelled, and
                from then on it cannot be.
            note: takes what people should know: where a job goes on that a former process began, or why it does not.

        Raises:
            GraftError: with the reason that the job failed for.
        """
        report(Progress(Phase.LOADING))
        recipe = recipes.from_dict(job.recipe)
        folder = self._folders.open(job.number)
        snapshot = folder.snapshot()  # of a job that goes on; the dataset may have changed since
        if snapshot is None:
            self.check(job.dataset)
            snapshot = take_snapshot(self._examples.all_examples(job.dataset))
            folder.keep(snapshot)
        vectors = load_vectors(self._features, job.dataset, snapshot, report)
        data = training_data(recipe, snapshot, vectors.rows, self._features, report)
        checkpoints = folder.checkpoints(vectors.fingerprint, snapshot, note)
        with folder.recorded(report) as recorded:
            fitted = self._fit(recipe, data, recorded, cancelled, checkpoints)
        report(Progress(Phase.EVALUATING))
        assessed = self._assess(recipe, data, snapshot, fitted, report, cancelled)
        golden = heads.golden_set(assessed.network, assessed.rule, assessed.golden)
        commit()
        facts = self._facts(job, recipe, snapshot, vectors.fingerprint, fitted, assessed)
        companions = heads.Companions(assessed.rule, golden, assessed.findings)
        return self._registry.publish(job.classifier, job.number, assessed.network, facts, companions).version

    def _assess(
        self,
        recipe: recipes.Recipe,
        data: TrainingData,
        snapshot: Snapshot,
        fitted: FittedHead,
        report: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> Assessed:
        """Calibrate and measure the head; what `auto` chose is fitted to the folds, without another search."""
        trained = recipes.from_dict(fitted.search["chosen"]) if fitted.search else recipe
        parts = snapshot.parts

        def fit_rows(training: RowArray, validation: RowArray) -> FittedHead:
            return self._fit(trained, data.only(training, validation), lambda _: look(), cancelled, NO_CHECKPOINTS)

        def look() -> None:
            report(Progress(Phase.EVALUATING))

        return assess(
            fitted.network,
            Pictures(
                data.vectors,
                snapshot.label_rows,
                snapshot.digests,
                np.concatenate([parts[Part.TRAINING], parts[Part.VALIDATION]]),
                parts[Part.TEST],
                data.classes,
            ),
            fit_rows,
            [each.to_dict() for each in fitted.history],
            folds=folds_of(trained.kind),
            false_accept_rate=self._false_accept_rate,
            seed=recipe.seed,
            look=look,
        )

    def _facts(
        self,
        job: Job,
        recipe: recipes.Recipe,
        snapshot: Snapshot,
        fingerprint: bytes,
        fitted: FittedHead,
        assessed: Assessed,
    ) -> dict[str, object]:
        """Return the manifest's part that the registry does not know (format: `trainer.registry.heads`)."""
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
            **({"search": fitted.search} if fitted.search else {}),
            **assessed.facts,
            "created_ms": int(time.time() * 1000),
            "code_version": self._code_version,
        }

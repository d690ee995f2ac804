"""What the asyncio client has the trainer find out about datasets and heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.client import analyses, diagnosing, exporting

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Sequence

    from graft.client.asynchronous import AsyncRunner
    from graft.client.comparison_records import Comparison
    from graft.client.curve_records import LearningCurve
    from graft.client.diagnosis_records import Diagnosis
    from graft.client.export_records import Exported
    from graft.client.job_records import Progress, Recipe


class AsyncAnalysisMethods:
    """The methods whose work takes a while and streams its progress; a base of AsyncClient, which is what to use.

    Each begins with the iteration; ending that early ends the work. The outcome is the last thing yielded.
    """

    _runner: AsyncRunner

    def diagnose(
        self, dataset: str, *, max_findings: int = 0, page: bool = False
    ) -> AsyncIterator[Progress | Diagnosis]:
        """Look for what is wrong with a dataset; nothing is changed.

        Args:
            dataset: its name.
            max_findings: at most so many of each kind, up to 1000; 0 is 100. All are counted.
            page: have the diagnosis as an HTML file with previews too.
        """
        return self._runner.iterate(diagnosing.diagnose(dataset, max_findings, page=page))

    def learning_curve(
        self,
        dataset: str,
        recipe: Recipe | None = None,
        *,
        counts: Sequence[int] = (),
        repeats: int = 0,
        wished_accuracy: float = 0.0,
        page: bool = False,
    ) -> AsyncIterator[Progress | LearningCurve]:
        """Measure how accuracy grows with the number of pictures.

        Args:
            dataset: its name.
            recipe: how to train; None is as `train` does.
            counts: pictures a class, each 2 or more; empty is 5, 10, 20, 50 … and all there are.
            repeats: draws for each number; 0 is 3.
            wished_accuracy: what the number of pictures is wanted for; 0 is 0.93.
            page: have the curve as an HTML file too.
        """
        return self._runner.iterate(
            analyses.learning_curve(dataset, recipe, counts, repeats, wished_accuracy, page=page)
        )

    def compare(
        self, dataset: str, methods: Sequence[str] = (), *, folds: int = 0, seed: int = 0
    ) -> AsyncIterator[Progress | Comparison]:
        """Compare ways to classify the pictures of a dataset on the same folds.

        Args:
            dataset: its name.
            methods: of `pixels`, `hog`, `seed`, `softmax`, `mlp` and `auto`; empty is all.
            folds: 2 to 20; 0 is 5.
            seed: of folds and recipes.
        """
        return self._runner.iterate(analyses.comparison(dataset, methods, folds, seed))

    def export(
        self,
        classifier: str,
        version: int,
        format: str,  # noqa: A002 - what everybody calls it
        to: str | os.PathLike[str],
        *,
        dataset: str = "",
        force: bool = False,
    ) -> AsyncIterator[Progress | Exported]:
        """Write a version and its trunk as one network that needs nothing of Graft.

        It is loaded back and compared with the services before it is sent, and is in its place when the last thing,
        the outcome, is yielded.

        Args:
            classifier: its name.
            version: its version.
            format: `savedmodel`, `graphdef`, `tflite` or `onnx`.
            to: the file, or the directory of a SavedModel.
            dataset: whose pictures are compared; empty for the one that the version was trained on.
            force: replace what is there.

        Raises:
            FailedPreconditionError: FILE_EXISTS; EXPORT_DIFFERS and others of the trainer's.
            OSError: the files cannot be written.
        """
        return self._runner.iterate(exporting.export(classifier, version, format, to, dataset, force=force))

    def report(self, classifier: str, version: int) -> AsyncIterator[Progress | bytes]:
        """Make the report of a version: one self-contained HTML file, UTF-8."""
        return self._runner.iterate(analyses.report(classifier, version))

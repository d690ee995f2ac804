"""The blocking client of a Graft gateway."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from graft.channels import MAX_MESSAGE_BYTES, open_sync_channel
from graft.client import flows, queries, trainer_calls
from graft.client.blocking import BlockingRunner
from graft.client.extra_views import Views
from graft.client.gateway import gateway_address
from graft.client.records import Part
from graft.client.reports import ImportReport
from graft.client.retrying import RetryPolicy
from graft.client.streaming import KnownLimits
from graft.client.sync_analyses import AnalysisMethods
from graft.client.sync_corrections import CorrectionMethods
from graft.client.sync_pictures import PictureMethods

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from graft.client.effects import Steps
    from graft.client.folders import Folder
    from graft.client.job_records import Job, Progress, Recipe
    from graft.client.pictures import LabelledPicture
    from graft.client.records import Classifier, Dataset, Example, Version
    from graft.client.reports import ImportProgress
    from graft.client.results import ServiceHealth


class Client(PictureMethods, AnalysisMethods, CorrectionMethods):
    """Talks to a gateway with blocking calls; a context manager, and safe to use from several threads.

    A picture is a path or a file's bytes. A digest is the SHA-256 of a picture's bytes, 32 raw bytes. What goes wrong
    with a call is raised as one of graft.errors; what goes wrong with one picture among many is its result's `error`.

    Attributes:
        target: address of the gateway, host:port.
    """

    def __init__(
        self,
        target: str = "",
        *,
        timeout_s: float | None = 60.0,
        retry: RetryPolicy | None = None,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        """Prepare a connection; it is made when first used.

        Args:
            target: host:port of the gateway; empty means GRAFT_GATEWAY, or 127.0.0.1:50050.
            timeout_s: seconds that a single call may take; None for ever. Streams end when they are done.
            retry: how patient imports and streams of pictures are with a service that restarts.
            max_message_bytes: largest message in either direction, in bytes.
        """
        self.target = target or gateway_address()
        self._channel = open_sync_channel(self.target, max_message_bytes)
        runner = BlockingRunner(self._channel, self.target, timeout_s)
        super().__init__(runner, retry or RetryPolicy(), KnownLimits())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._channel.close()

    def health(self) -> tuple[ServiceHealth, ...]:
        """Tell which of the four services answer, the gateway first."""
        return self._runner.run(queries.health())

    def create_dataset(self, name: str, *, exist_ok: bool = False) -> Dataset:
        """Create an empty dataset; with `exist_ok` one that is there already is returned instead."""
        return self._runner.run(queries.create_dataset(name, exist_ok=exist_ok))

    def dataset(self, name: str, *, digest: bool = False) -> Dataset:
        """Return a dataset with its counts; with `digest` also the SHA-256 over its examples, as versions tell it."""
        return self._runner.call(trainer_calls.dataset(name, digest=digest))

    def datasets(self) -> list[Dataset]:
        """Return all datasets by name, without their counts by label."""
        return list(self._runner.iterate(queries.pages(trainer_calls.datasets)))

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset and its examples."""
        self._runner.call(trainer_calls.delete_dataset(name))

    def import_folder(
        self,
        dataset: str,
        folder: Folder | str | os.PathLike[str],
        on_progress: Callable[[ImportProgress], None] | None = None,
        *,
        views: int = 0,
        view_seed: int = 0,
    ) -> ImportReport:
        """Import a folder whose subfolders are labels; only pictures without a cached vector are sent.

        A split of the folder's own is kept, see Folder; `Folder.open(path, own_split=False)` takes none.

        With `views` the vectors of so many extra views of each picture are cached as well, drawn from `view_seed` and
        the picture's digest.

        Raises:
            ResourceExhaustedError: reason CACHE_FULL, the cache keeps nothing new any more; doing it again goes on.
        """
        return self._import(flows.import_folder(dataset, folder, Views(views, view_seed), self._retry), on_progress)

    def import_examples(
        self,
        dataset: str,
        items: Iterable[LabelledPicture],
        on_progress: Callable[[ImportProgress], None] | None = None,
        *,
        views: int = 0,
        view_seed: int = 0,
    ) -> ImportReport:
        """Import labelled pictures, or a Manifest; the iterable is advanced in another thread, a little ahead."""
        return self._import(flows.import_examples(dataset, items, Views(views, view_seed), self._retry), on_progress)

    def _import(
        self, steps: Steps[ImportProgress | ImportReport], on_progress: Callable[[ImportProgress], None] | None
    ) -> ImportReport:
        for event in self._runner.iterate(steps):
            if isinstance(event, ImportReport):
                return event
            if on_progress is not None:
                on_progress(event)
        raise AssertionError("an import ends with its report")

    def examples(self, dataset: str, *, label: str = "", part: Part = Part.UNSPECIFIED) -> Iterator[Example]:
        """Yield the examples of a dataset by label and digest; only those of a label or a part if one is given."""
        return self._runner.iterate(queries.pages(partial(trainer_calls.examples, dataset, label, part)))

    def remove_examples(self, dataset: str, digests: Iterable[bytes]) -> int:
        """Remove examples by digest, under every label; return how many there were."""
        return self._runner.run(queries.remove_examples(dataset, digests))

    def train(
        self,
        dataset: str,
        classifier: str = "",
        recipe: Recipe | None = None,
        request_id: str = "",
        like: tuple[str, int] | None = None,
    ) -> Job:
        """Queue a training job; the classifier is called like the dataset if no name is given.

        The same `request_id` with the same arguments returns the same job. Without one, the retries that this call
        makes by itself are safe. `like`, a classifier and its version, trains by that version's recipe instead of one.
        """
        return self._runner.call(trainer_calls.train(dataset, classifier, recipe, request_id, like))

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return self._runner.call(trainer_calls.job(job_id))

    def jobs(self, limit: int | None = None) -> list[Job]:
        """Return jobs, the newest first."""
        return list(self._runner.iterate(queries.pages(trainer_calls.jobs, limit)))

    def cancel(self, job_id: str) -> Job:
        """Cancel a job; a finished one stays as it is."""
        return self._runner.call(trainer_calls.cancel(job_id))

    def watch(self, job_id: str) -> Iterator[Job | Progress]:
        """Yield a job's history from its beginning, then what happens, until it has ended."""
        return self._runner.iterate(queries.watch(job_id))

    def classifier(self, name: str) -> Classifier:
        """Return a classifier."""
        return self._runner.call(trainer_calls.classifier(name))

    def classifiers(self) -> list[Classifier]:
        """Return all classifiers by name."""
        return list(self._runner.iterate(queries.pages(trainer_calls.classifiers)))

    def version(self, classifier: str, version: int) -> Version:
        """Return a version with its metrics."""
        return self._runner.call(trainer_calls.version(classifier, version))

    def versions(self, classifier: str) -> list[Version]:
        """Return the versions of a classifier, the newest first, without confusion matrices."""
        return list(self._runner.iterate(queries.pages(partial(trainer_calls.versions, classifier))))

    def set_alias(
        self, classifier: str, version: int, alias: str = "production", expected_version: int | None = None
    ) -> Classifier:
        """Point an alias at a version; 0 takes it away.

        With `expected_version` nothing changes unless the alias points there now; 0 stands for no alias.
        """
        return self._runner.call(trainer_calls.set_alias(classifier, version, alias, expected_version))

    def roll_back(self, classifier: str, alias: str = "production", expected_version: int | None = None) -> Classifier:
        """Point an alias back at the version that it pointed at before; called again, it goes back one further.

        With `expected_version` nothing changes unless the alias points there now; 0 stands for no alias.
        """
        return self._runner.call(trainer_calls.roll_back(classifier, alias, expected_version))

    def delete_version(self, classifier: str, version: int) -> None:
        """Delete a version that no alias points to."""
        self._runner.call(trainer_calls.delete_version(classifier, version))

    def delete_classifier(self, name: str) -> None:
        """Delete a classifier with all of its versions."""
        self._runner.call(trainer_calls.delete_classifier(name))

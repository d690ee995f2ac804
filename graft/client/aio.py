"""The asyncio client of a Graft gateway."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from graft.channels import MAX_MESSAGE_BYTES, open_channel
from graft.client import flows, queries, trainer_calls
from graft.client.aio_analyses import AsyncAnalysisMethods
from graft.client.aio_corrections import AsyncCorrectionMethods
from graft.client.aio_pictures import AsyncPictureMethods
from graft.client.asynchronous import AsyncRunner
from graft.client.extra_views import Views
from graft.client.gateway import gateway_address
from graft.client.records import Part
from graft.client.reports import ImportReport
from graft.client.retrying import RetryPolicy
from graft.client.streaming import KnownLimits

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Callable, Iterable
    from types import TracebackType

    from graft.client.effects import Steps
    from graft.client.folders import Folder
    from graft.client.job_records import Job, Progress, Recipe
    from graft.client.pictures import LabelledPicture
    from graft.client.records import Classifier, Dataset, Example, Version
    from graft.client.reports import ImportProgress
    from graft.client.results import ServiceHealth


class AsyncClient(AsyncPictureMethods, AsyncAnalysisMethods, AsyncCorrectionMethods):
    """Talks to a gateway from an event loop; an asynchronous context manager with the methods of Client.

    A picture is a path or a file's bytes. A digest is the SHA-256 of a picture's bytes, 32 raw bytes. What goes wrong
    with a call is raised as one of graft.errors; what goes wrong with one picture among many is its result's `error`.
    Make it inside the loop that uses it.

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
        self._channel = open_channel(self.target, max_message_bytes)
        runner = AsyncRunner(self._channel, self.target, timeout_s)
        super().__init__(runner, retry or RetryPolicy(), KnownLimits())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()

    async def health(self) -> tuple[ServiceHealth, ...]:
        """Tell which of the four services answer, the gateway first."""
        return await self._runner.run(queries.health())

    async def create_dataset(self, name: str, *, exist_ok: bool = False) -> Dataset:
        """Create an empty dataset; with `exist_ok` one that is there already is returned instead."""
        return await self._runner.run(queries.create_dataset(name, exist_ok=exist_ok))

    async def dataset(self, name: str, *, digest: bool = False) -> Dataset:
        """Return a dataset with its counts; with `digest` also the SHA-256 over its examples, as versions tell it."""
        return await self._runner.call(trainer_calls.dataset(name, digest=digest))

    async def datasets(self) -> list[Dataset]:
        """Return all datasets by name, without their counts by label."""
        return [each async for each in self._runner.iterate(queries.pages(trainer_calls.datasets))]

    async def delete_dataset(self, name: str) -> None:
        """Delete a dataset and its examples."""
        await self._runner.call(trainer_calls.delete_dataset(name))

    async def import_folder(
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
        return await self._import(
            flows.import_folder(dataset, folder, Views(views, view_seed), self._retry), on_progress
        )

    async def import_examples(
        self,
        dataset: str,
        items: Iterable[LabelledPicture],
        on_progress: Callable[[ImportProgress], None] | None = None,
        *,
        views: int = 0,
        view_seed: int = 0,
    ) -> ImportReport:
        """Import labelled pictures, or a Manifest; the iterable is advanced in another thread, a little ahead."""
        return await self._import(
            flows.import_examples(dataset, items, Views(views, view_seed), self._retry), on_progress
        )

    async def _import(
        self, steps: Steps[ImportProgress | ImportReport], on_progress: Callable[[ImportProgress], None] | None
    ) -> ImportReport:
        async for event in self._runner.iterate(steps):
            if isinstance(event, ImportReport):
                return event
            if on_progress is not None:
                on_progress(event)
        raise AssertionError("an import ends with its report")

    def examples(self, dataset: str, *, label: str = "", part: Part = Part.UNSPECIFIED) -> AsyncIterator[Example]:
        """Yield the examples of a dataset by label and digest; only those of a label or a part if one is given."""
        return self._runner.iterate(queries.pages(partial(trainer_calls.examples, dataset, label, part)))

    async def remove_examples(self, dataset: str, digests: Iterable[bytes]) -> int:
        """Remove examples by digest, under every label; return how many there were."""
        return await self._runner.run(queries.remove_examples(dataset, digests))

    async def train(
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
        return await self._runner.call(trainer_calls.train(dataset, classifier, recipe, request_id, like))

    async def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return await self._runner.call(trainer_calls.job(job_id))

    async def jobs(self, limit: int | None = None) -> list[Job]:
        """Return jobs, the newest first."""
        return [each async for each in self._runner.iterate(queries.pages(trainer_calls.jobs, limit))]

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job; a finished one stays as it is."""
        return await self._runner.call(trainer_calls.cancel(job_id))

    def watch(self, job_id: str) -> AsyncIterator[Job | Progress]:
        """Yield a job's history from its beginning, then what happens, until it has ended."""
        return self._runner.iterate(queries.watch(job_id))

    async def classifier(self, name: str) -> Classifier:
        """Return a classifier."""
        return await self._runner.call(trainer_calls.classifier(name))

    async def classifiers(self) -> list[Classifier]:
        """Return all classifiers by name."""
        return [each async for each in self._runner.iterate(queries.pages(trainer_calls.classifiers))]

    async def version(self, classifier: str, version: int) -> Version:
        """Return a version with its metrics."""
        return await self._runner.call(trainer_calls.version(classifier, version))

    async def versions(self, classifier: str) -> list[Version]:
        """Return the versions of a classifier, the newest first, without confusion matrices."""
        return [each async for each in self._runner.iterate(queries.pages(partial(trainer_calls.versions, classifier)))]

    async def set_alias(
        self, classifier: str, version: int, alias: str = "production", expected_version: int | None = None
    ) -> Classifier:
        """Point an alias at a version; 0 takes it away.

        With `expected_version` nothing changes unless the alias points there now; 0 stands for no alias.
        """
        return await self._runner.call(trainer_calls.set_alias(classifier, version, alias, expected_version))

    async def roll_back(
        self, classifier: str, alias: str = "production", expected_version: int | None = None
    ) -> Classifier:
        """Point an alias back at the version that it pointed at before; called again, it goes back one further.

        With `expected_version` nothing changes unless the alias points there now; 0 stands for no alias.
        """
        return await self._runner.call(trainer_calls.roll_back(classifier, alias, expected_version))

    async def delete_version(self, classifier: str, version: int) -> None:
        """Delete a version that no alias points to."""
        await self._runner.call(trainer_calls.delete_version(classifier, version))

    async def delete_classifier(self, name: str) -> None:
        """Delete a classifier with all of its versions."""
        await self._runner.call(trainer_calls.delete_classifier(name))

"""Questions that take several calls or a stream of answers: pages, vectors, previews, a job's course, health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from graft.client import picture_calls, trainer_calls, wire_records, wire_results
from graft.client.effects import Ask, Call, Emit, Open, Receive
from graft.client.extra_views import check_seed, check_view
from graft.client.failures import UNREACHABLE
from graft.client.feature_records import Lookup
from graft.client.results import ServiceHealth
from graft.errors import AlreadyExistsError, FailedPreconditionError, GraftError, UnavailableError
from graft.v1 import feature_extractor_pb2, trainer_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from graft.client.effects import Steps
    from graft.client.extra_views import Views
    from graft.client.feature_records import Preview
    from graft.client.job_records import Job, Progress
    from graft.client.records import Dataset

T = TypeVar("T")

MAX_DIGESTS: Final = 10_000
"""Digests in one request: about 340 KB."""

MAX_PAGE: Final = 1000


def pages(page: Callable[[int, str], Call[tuple[list[T], str]]], limit: int | None = None) -> Steps[T]:
    """Emit the entries of all pages, `limit` at most; a page is fetched when its first entry is wanted."""
    token, left = "", limit
    while left is None or left > 0:
        entries, token = yield Ask(page(MAX_PAGE if left is None else min(left, MAX_PAGE), token))
        for entry in entries[:left]:
            yield Emit(entry)
        if left is not None:
            left -= len(entries)
        if not token:
            return


def create_dataset(name: str, *, exist_ok: bool) -> Steps[Dataset]:
    """Emit the new dataset, or with `exist_ok` the one that is there."""
    try:
        dataset: Dataset = yield Ask(trainer_calls.create_dataset(name))
    except AlreadyExistsError:
        if not exist_ok:
            raise
        dataset = yield Ask(trainer_calls.dataset(name))
    yield Emit(dataset)


def find_missing(digests: Iterable[bytes], views: Views) -> Steps[list[bytes]]:
    """Emit the digests that have no cached vector, or not all views', in the order given, repeats left out."""
    missing: dict[bytes, None] = {}
    for part in _parts(digests):
        missing.update(dict.fromkeys((yield Ask(picture_calls.find_missing(views, part)))))
    yield Emit(list(missing))


def lookup(digests: Iterable[bytes], view: int, view_seed: int) -> Steps[Lookup]:
    """Emit the cached vectors of the digests, those of a view unless it is 0.

    Raises:
        InvalidArgumentError: the view or its seed is no such number (INVALID_VIEWS, INVALID_VIEW_SEED).
        FailedPreconditionError: the trunk changed between two answers, so that the vectors cannot be compared.
    """
    check_view("view", view)
    check_seed(view_seed)
    blocks: list[np.ndarray[Any, np.dtype[np.float32]]] = []
    missing: list[bytes] = []
    fingerprint, dimensions = b"", 0
    for part in _parts(digests):
        request = feature_extractor_pb2.LookupFeaturesRequest(digests=part, view=view, view_seed=view_seed)
        yield Open(picture_calls.LOOKUP_FEATURES, request)
        while (response := (yield Receive())) is not None:
            if fingerprint not in {b"", response.fingerprint}:
                raise FailedPreconditionError(
                    "the extractor changed its trunk during the look-up; look up again", reason="FINGERPRINT_MISMATCH"
                )
            fingerprint, dimensions = response.fingerprint, response.dimensions
            blocks.append(wire_results.matrix(response.vectors, len(response.digests), dimensions))
            missing += response.missing_digests
    if not dimensions:
        dimensions = (yield Ask(picture_calls.trunk())).dimensions
    # matrix: float32[n, dimensions], also when n is 0
    yield Emit(Lookup(np.concatenate([np.empty((0, dimensions), np.float32), *blocks]), tuple(missing)))


def previews(digests: Iterable[bytes]) -> Steps[Preview]:
    """Emit the preview of each digest."""
    for part in _parts(digests):
        yield Open(picture_calls.GET_PREVIEWS, feature_extractor_pb2.GetPreviewsRequest(digests=part))
        while (response := (yield Receive())) is not None:
            yield Emit(wire_results.preview(response))


def remove_examples(dataset: str, digests: Iterable[bytes]) -> Steps[int]:
    """Emit how many examples were removed."""
    removed = 0
    for part in _parts(digests):
        removed += yield Ask(trainer_calls.remove_examples(dataset, part))
    yield Emit(removed)


def watch(job_id: str) -> Steps[Job | Progress]:
    """Emit what happened to a job from its beginning, then what happens, until it has ended."""
    yield Open(trainer_calls.WATCH_TRAINING_JOB, trainer_pb2.WatchTrainingJobRequest(job_id=job_id))
    while (response := (yield Receive())) is not None:
        if (event := wire_records.event(response)) is not None:
            yield Emit(event)


def health() -> Steps[tuple[ServiceHealth, ...]]:
    """Emit the health of the four services, found out by a cheap call to each through the gateway."""
    probes: tuple[tuple[str, Call[Any]], ...] = (
        ("gateway", picture_calls.health()),
        ("feature_extractor", picture_calls.trunk()),
        ("trainer", trainer_calls.datasets(1, "")),
        ("classifier", picture_calls.heads()),
    )
    found: list[ServiceHealth] = []
    for service, probe in probes:
        error: GraftError | None = None
        if found and found[0].error is not None and found[0].error.reason == UNREACHABLE:
            # Nobody is there to ask about the others.
            found.append(ServiceHealth(service, serving=False, error=found[0].error))
            continue
        try:
            answer = yield Ask(probe)
        except GraftError as failure:
            error = failure
        else:
            if answer is False:
                error = UnavailableError(f"the {service} is starting or stopping", reason="NOT_SERVING")
        found.append(ServiceHealth(service, error is None, error))
    yield Emit(tuple(found))


def _parts(digests: Iterable[bytes]) -> Iterator[list[bytes]]:
    every = list(digests)
    return (every[start : start + MAX_DIGESTS] for start in range(0, len(every), MAX_DIGESTS))

"""The client's larger operations put together; both clients run these."""

from __future__ import annotations

from collections.abc import Sized
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from graft.client import picture_calls, queries, streaming, trainer_calls, wire_results
from graft.client.effects import Ask, Emit, Run
from graft.client.folders import Folder
from graft.client.import_tally import ImportTally
from graft.client.importing import Importer
from graft.client.manifests import ManifestWriter
from graft.client.records import Part
from graft.client.streaming import Exchange
from graft.v1 import gateway_pb2

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from typing import Any

    from graft.client.effects import Steps
    from graft.client.extra_views import Views
    from graft.client.feature_records import Feature
    from graft.client.picture_calls import Lane
    from graft.client.pictures import LabelledPicture, Picture
    from graft.client.reports import ImportProgress, ImportReport
    from graft.client.results import PictureResult
    from graft.client.retrying import RetryPolicy
    from graft.client.streaming import KnownLimits

T = TypeVar("T")


def extract(
    offered: Iterable[Picture], views: Views, known: KnownLimits, *, lane: Lane, timings: bool
) -> Steps[list[Feature]]:
    """Extract pictures in a lane."""
    call = partial(picture_calls.extract, views=views, lane=picture_calls.lane_number(lane), timings=timings)
    return streaming.call_in_chunks(offered, call, wire_results.unread_feature, known, views)


def extract_stream(
    offered: Iterable[Picture], views: Views, known: KnownLimits, policy: RetryPolicy, *, timings: bool
) -> Steps[Feature]:
    """Extract many pictures; an answer means that the vectors are stored."""
    exchange = Exchange(
        picture_calls.STREAM_FEATURES,
        partial(picture_calls.stream_request, views=views, timings=timings),
        wire_results.features,
        wire_results.unread_feature,
        views,
    )
    return streaming.stream_in_chunks(offered, exchange, known, policy)


def classify(
    classifier: str, offered: Iterable[Picture], top_k: int, alias: str, version: int, known: KnownLimits
) -> Steps[list[PictureResult]]:
    """Classify pictures at once."""
    head = picture_calls.head_ref(classifier, alias, version)
    return streaming.call_in_chunks(
        offered,
        partial(picture_calls.classify, head, top_k),
        partial(wire_results.unread_picture, classifier=classifier),
        known,
    )


def classify_stream(
    classifier: str,
    offered: Iterable[Picture],
    top_k: int,
    alias: str,
    version: int,
    known: KnownLimits,
    policy: RetryPolicy,
) -> Steps[PictureResult]:
    """Classify many pictures, yielding to single calls."""
    head = picture_calls.head_ref(classifier, alias, version)

    def _request(contents: Sequence[bytes]) -> Any:
        # Head and top_k in each message: any of them may be the first after an interruption.
        return gateway_pb2.StreamClassifyRequest(head=head, top_k=top_k, images=picture_calls.images(contents))

    exchange = Exchange(
        picture_calls.STREAM_CLASSIFY,
        _request,
        wire_results.pictures,
        partial(wire_results.unread_picture, classifier=classifier),
    )
    return streaming.stream_in_chunks(offered, exchange, known, policy)


def import_folder(
    dataset: str, folder: Folder | str | os.PathLike[str], views: Views, policy: RetryPolicy
) -> Steps[ImportProgress | ImportReport]:
    """Import a folder whose subfolders are labels."""
    counted = folder if isinstance(folder, Folder) else (yield Run(partial(Folder.open, folder)))
    tally = ImportTally(counted.pictures, counted.skipped)
    yield from Importer(dataset, counted.items(), views, tally, policy).steps()


def import_examples(
    dataset: str, items: Iterable[LabelledPicture], views: Views, policy: RetryPolicy
) -> Steps[ImportProgress | ImportReport]:
    """Import pictures one by one named."""
    total = len(items) if isinstance(items, Sized) else None
    return Importer(dataset, items, views, ImportTally(total), policy).steps()


def export_manifest(dataset: str, file: str | os.PathLike[str]) -> Steps[int]:
    """Write a dataset to a file, a page at a time, and emit how many examples it holds."""
    writer = yield Run(partial(ManifestWriter, file))
    count, token = 0, ""
    try:
        while True:
            examples, token = yield Ask(trainer_calls.examples(dataset, "", Part.UNSPECIFIED, queries.MAX_PAGE, token))
            yield Run(partial(writer.write, examples))
            count += len(examples)
            if not token:
                break
        yield Run(writer.finish)
    except BaseException:
        writer.discard()
        raise
    yield Emit(count)

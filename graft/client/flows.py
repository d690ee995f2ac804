"""The client's larger operations put together; both clients run these."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from graft.client import picture_calls, streaming, wire_results
from graft.client.folders import Folder
from graft.client.import_tally import ImportTally
from graft.client.importing import Importer
from graft.client.streaming import Exchange
from graft.v1 import feature_extractor_pb2, gateway_pb2

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from typing import Any

    from graft.client.effects import Steps
    from graft.client.pictures import LabelledPicture, Picture
    from graft.client.reports import ImportProgress, ImportReport
    from graft.client.results import Feature, PictureResult
    from graft.client.retrying import RetryPolicy
    from graft.client.streaming import KnownLimits

T = TypeVar("T")


def extract(offered: Iterable[Picture], known: KnownLimits) -> Steps[list[Feature]]:
    """Extract pictures before bulk work."""
    return streaming.call_in_chunks(offered, picture_calls.extract, wire_results.unread_feature, known)


def extract_stream(offered: Iterable[Picture], known: KnownLimits, policy: RetryPolicy) -> Steps[Feature]:
    """Extract many pictures; an answer means that the vector is stored."""
    exchange = Exchange(
        picture_calls.STREAM_FEATURES,
        lambda contents: feature_extractor_pb2.StreamFeaturesRequest(images=picture_calls.images(contents)),
        wire_results.features,
        wire_results.unread_feature,
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
    dataset: str, folder: Folder | str | os.PathLike[str], policy: RetryPolicy
) -> Steps[ImportProgress | ImportReport]:
    """Import a folder whose subfolders are labels."""
    counted = folder if isinstance(folder, Folder) else Folder.open(folder)
    tally = ImportTally(counted.pictures, counted.skipped)
    return Importer(dataset, counted.items(), tally, policy).steps()


def import_examples(
    dataset: str, items: Iterable[LabelledPicture], policy: RetryPolicy
) -> Steps[ImportProgress | ImportReport]:
    """Import pictures one by one named."""
    total = len(items) if isinstance(items, list | tuple) else None
    return Importer(dataset, items, ImportTally(total), policy).steps()

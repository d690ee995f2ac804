"""Corrections to datasets: the labels of pictures, whole labels, and what a call has done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graft.client.effects import Ask, Call, Emit, Method
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graft.client.effects import Steps

_MAX_ITEMS: Final = 5_000
"""Items in one request: a label may take 800 bytes, so at most some 8 MB."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction did; one that is made again changes nothing.

    Attributes:
        relabelled: examples that have another label now.
        merged: examples that went, since their picture stood under its new label already.
        absent: pictures, or labels, that the dataset does not hold.
    """

    relabelled: int
    merged: int
    absent: int


def relabel(dataset: str, digests: Iterable[bytes], label: str, from_label: str) -> Steps[Corrected]:
    """Emit what was done once these pictures have a label; with `from_label` only their examples of that label."""
    items = [trainer_pb2.RelabelItem(digest=each, label=label, from_label=from_label) for each in digests]
    relabelled = merged = absent = 0
    for start in range(0, len(items), _MAX_ITEMS):
        done: Corrected = yield Ask(_relabel(dataset, items[start : start + _MAX_ITEMS]))
        relabelled, merged, absent = relabelled + done.relabelled, merged + done.merged, absent + done.absent
    yield Emit(Corrected(relabelled, merged, absent))


def merge_labels(dataset: str, labels: Iterable[str], into: str) -> Call[Corrected]:
    """Give all examples of some labels one label."""
    request = trainer_pb2.MergeLabelsRequest(dataset=dataset, labels=labels, into=into)
    return Call(Method("TrainerService", "MergeLabels"), request, _corrected)


def remove_labels(dataset: str, labels: Iterable[str]) -> Call[int]:
    """Remove all examples of some labels; the result is how many."""
    request = trainer_pb2.RemoveExamplesRequest(dataset=dataset, labels=labels)
    return Call(Method("TrainerService", "RemoveExamples"), request, lambda response: response.removed)


def _relabel(dataset: str, items: Sequence[trainer_pb2.RelabelItem]) -> Call[Corrected]:
    request = trainer_pb2.RelabelExamplesRequest(dataset=dataset, items=items)
    return Call(Method("TrainerService", "RelabelExamples"), request, _corrected)


def _corrected(response: Any) -> Corrected:
    return Corrected(response.relabelled, response.merged, response.absent)

"""Errors as google.rpc.Status."""

from __future__ import annotations

import pytest

from graft import statuses
from graft.errors import FailedPreconditionError, GraftError, NotFoundError, ResourceExhaustedError, Violation

MANY = tuple(Violation(f"label {number}", f"label {number} has no training example") for number in range(1000))


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("dataset", "x" * 1_000_000),
        NotFoundError("dataset", "ß" * 3_000),
        FailedPreconditionError("too few", reason="DATASET_NOT_TRAINABLE", violations=MANY),
        FailedPreconditionError("m" * 5000, violations=MANY, metadata={"cause": "c" * 5000}),
    ],
)
def test_a_status_fits_into_a_trailer(error: GraftError) -> None:
    """However long the names and lists of an error are, its status stays small and keeps code and reason."""
    status = statuses.to_status(error)
    assert status.ByteSize() <= statuses.MAX_STATUS_BYTES
    back = statuses.from_status(status)
    assert (type(back), back.reason) == (type(error), error.reason)


def test_of_many_violations_the_first_are_kept_and_all_are_counted() -> None:
    """The metadata says how many there were."""
    back = statuses.from_status(statuses.to_status(FailedPreconditionError("too few", violations=MANY)))
    assert isinstance(back, FailedPreconditionError)
    assert back.metadata["violations_total"] == "1000"
    assert back.violations == MANY[: len(back.violations)]
    assert len(back.violations) >= 20


def test_an_error_placed_at_an_item_leaves_the_shared_one_alone() -> None:
    """Kind, reason and pause stay; message and metadata name the item."""
    error = ResourceExhaustedError(
        "the cache is full", reason="CACHE_FULL", retry_after_s=2.0, metadata={"cause": "disk"}
    )
    placed = error.placed("images[3]", index="3")
    assert type(placed) is ResourceExhaustedError
    assert (placed.reason, placed.retry_after_s, str(placed)) == ("CACHE_FULL", 2.0, "images[3]: the cache is full")
    assert placed.metadata == {"cause": "disk", "index": "3"}
    assert (error.message, error.metadata) == ("the cache is full", {"cause": "disk"})


def test_a_message_of_ordinary_length_is_not_cut() -> None:
    """Five digests and a sentence with an ellipsis arrive whole."""
    message = f"88 pictures have no cached vector ({', '.join(['d' * 64] * 5)}, …): import the same folder again"
    assert statuses.to_status(FailedPreconditionError(message)).message == message

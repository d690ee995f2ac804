"""Importing: what is told of each item, and a trunk that changes during the call."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from graft.errors import (
    FailedPreconditionError,
    GraftError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    Violation,
)
from trainer.catalog.examples import AddOutcome
from trainer.datasets.importing import ImportCall, Importer, Item, Stored, Views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.catalog.examples import ExampleStore


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


# Digest, seed and number of a view; seed and number are 0 for the picture as it is.
_Key = tuple[bytes, int, int]


def _keys(digest: bytes, views: Views) -> set[_Key]:
    return {(digest, 0, 0), *((digest, views.seed, number) for number in range(1, views.count + 1))}


class FakePictures:
    """An extractor with some vectors, whose trunk the test may change; it refuses the pictures in `errors`."""

    def __init__(self) -> None:
        self.fingerprint = b"1" * 16
        self.cached: set[_Key] = set()
        self.errors: dict[bytes, GraftError] = {}

    async def find_missing(self, digests: Sequence[bytes], views: Views) -> tuple[set[bytes], bytes]:
        """Return those it lacks a vector of."""
        return {digest for digest in digests if not _keys(digest, views) <= self.cached}, self.fingerprint

    async def store(self, contents: Sequence[bytes], views: Views) -> tuple[list[Stored], bytes]:
        """Say that the trunk ran for each picture that was not cached before this message with all its views."""
        before = set(self.cached)
        stored = []
        for content in contents:
            digest, error = _sha256(content), self.errors.get(content)
            stored.append(Stored(digest, computed=not _keys(digest, views) <= before, error=error))
            if error is None:
                self.cached |= _keys(digest, views)
        return stored, self.fingerprint


@pytest.fixture
def pictures() -> FakePictures:
    """Return an extractor with no vectors."""
    return FakePictures()


@pytest.fixture
def importer(pictures: FakePictures, examples: ExampleStore) -> Importer:
    """Return what imports into the catalog."""
    return Importer(pictures, examples)


async def test_a_computation_is_told_once(importer: Importer, faces: str) -> None:
    """One picture twice in a message was computed once; in the next message it was not computed at all."""
    call = ImportCall()
    twice = [Item("anna", "one", content=b"p"), Item("bert", "two", content=b"p"), Item("anna", "", content=b"q")]
    assert [each.computed for each in await importer.add(call, faces, twice)] == [True, False, True]
    again = await importer.add(call, faces, twice)
    assert [each.computed for each in again] == [False, False, False]
    assert [each.outcome for each in again] == [AddOutcome.UNCHANGED] * 3


async def test_errors_name_the_item_and_keep_what_they_are(
    importer: Importer, pictures: FakePictures, faces: str
) -> None:
    """An error of the extractor keeps class, reason and pause, and says which item of this message it is of."""
    pictures.errors = {
        b"full": ResourceExhaustedError(
            "the cache is full", reason="CACHE_FULL", retry_after_s=3.0, metadata={"limit_bytes": "7", "index": "0"}
        ),
        b"gone": NotFoundError("file", "weights", reason="GONE"),
        b"bad": InvalidArgumentError(
            f"images[2] (sha256 {_sha256(b'bad').hex()}): no picture",
            reason="CORRUPT_IMAGE",
            violations=(Violation("images[2].content", "no picture"),),
            metadata={"index": "2"},
        ),
    }
    items = [Item("anna", "", content=name) for name in (b"fine", b"full", b"gone", b"bad")]
    fine, full, gone, bad = await importer.add(ImportCall(), faces, [*items])
    assert (fine.error, fine.outcome) == (None, AddOutcome.ADDED)
    digest = _sha256(b"full").hex()
    assert isinstance(full.error, ResourceExhaustedError)
    assert (full.error.reason, full.error.retry_after_s) == ("CACHE_FULL", 3.0)
    assert full.error.metadata == {"limit_bytes": "7", "index": "1", "digest": digest}
    assert full.error.message == str(full.error) == f"items[1] (sha256 {digest}): the cache is full"
    assert isinstance(gone.error, NotFoundError)
    assert (gone.error.resource_name, gone.error.metadata["index"]) == ("weights", "2")
    assert isinstance(bad.error, InvalidArgumentError)
    assert bad.error.violations == (Violation("items[3].content", "no picture"),)
    assert bad.error.message == f"items[3] (sha256 {_sha256(b'bad').hex()}): no picture"
    assert pictures.errors[b"full"].metadata["index"] == "0"


async def test_wrong_items_leave_their_neighbours(importer: Importer, faces: str) -> None:
    """An item that is wrong or not cached is told by its place; the others are added."""
    items = [
        Item("anna", ""),
        Item("", "", content=b"p"),
        Item("anna", "", digest=b"short"),
        Item("anna", "", digest=_sha256(b"unknown")),
        Item("anna", "", digest=_sha256(b"p")),
        Item("anna", "", content=b"p"),
    ]
    added = await importer.add(ImportCall(), faces, items)
    reasons = [each.error.reason if each.error else each.outcome for each in added]
    assert reasons == [
        "PICTURE_REQUIRED",
        "INVALID_LABEL",
        "INVALID_DIGEST",
        "FEATURE_NOT_CACHED",
        AddOutcome.ADDED,
        AddOutcome.UNCHANGED,
    ]
    assert added[3].error is not None
    assert added[3].error.metadata == {"index": "3", "digest": _sha256(b"unknown").hex()}


async def test_views_are_stored_with_their_picture_and_computed_once(
    importer: Importer, pictures: FakePictures, faces: str
) -> None:
    """A digest without all of the views is refused like one that is not cached; sent as bytes they are computed."""
    await importer.add(ImportCall(), faces, [Item("anna", "", content=b"p")])
    views = Views(2, seed=7)
    by_digest, by_bytes = Item("anna", "", digest=_sha256(b"p")), Item("anna", "", content=b"p")
    (refused,) = await importer.add(ImportCall(), faces, [by_digest], views)
    assert refused.error is not None
    assert refused.error.reason == "FEATURE_NOT_CACHED"
    assert "or of one of 2 views; send its bytes" in refused.error.message
    (sent,) = await importer.add(ImportCall(), faces, [by_bytes], views)
    assert (sent.computed, sent.outcome, sent.error) == (True, AddOutcome.UNCHANGED, None)
    assert pictures.cached == _keys(_sha256(b"p"), views)
    again = await importer.add(ImportCall(), faces, [by_digest, by_bytes], views)
    assert [(each.computed, each.outcome) for each in again] == [(False, AddOutcome.UNCHANGED)] * 2
    (other_seed,) = await importer.add(ImportCall(), faces, [by_digest], Views(2, seed=8))
    assert other_seed.error is not None


@pytest.mark.parametrize("as_bytes", [True, False])
async def test_another_trunk_during_a_call_ends_it(
    importer: Importer, pictures: FakePictures, examples: ExampleStore, faces: str, *, as_bytes: bool
) -> None:
    """Vectors of two trunks are never acknowledged in one call, whichever way they are given; a new call may go on."""
    call = ImportCall()
    await importer.add(call, faces, [Item("anna", "", content=b"p")])
    before = examples.all_examples(faces)
    pictures.fingerprint = b"2" * 16
    late = Item("bert", "", content=b"p") if as_bytes else Item("bert", "", digest=_sha256(b"p"))
    with pytest.raises(FailedPreconditionError, match="again") as caught:
        await importer.add(call, faces, [late])
    assert caught.value.reason == "FINGERPRINT_MISMATCH"
    assert examples.all_examples(faces) == before
    (added,) = await importer.add(ImportCall(), faces, [late])
    assert added.outcome is AddOutcome.ADDED

"""The course of an import, against a fake gateway that breaks, forgets and refuses."""

from __future__ import annotations

import hashlib
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import AsyncClient, Client, Folder, ImportProgress, ImportReport, LabelledPicture
from graft.client.message_sizes import MAX_BYTES, MAX_PICTURES
from graft.client.retrying import RetryPolicy
from graft.errors import NotFoundError, ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

IMPATIENT = RetryPolicy(attempts=2, initial_s=0.001, longest_s=0.002)


@pytest.fixture(params=["blocking", "asyncio"])
def run_import(request: pytest.FixtureRequest, gateway: Any) -> Callable[..., Any]:
    """Return an import through either client; both run the same logic."""

    async def run(items: Sequence[LabelledPicture], on_progress: Any = None, dataset: str = "d") -> ImportReport:
        gateway.state.datasets.setdefault("d", {})
        if request.param == "blocking":
            with Client(gateway.address, retry=IMPATIENT) as client:
                return client.import_examples(dataset, items, on_progress)
        async with AsyncClient(gateway.address, retry=IMPATIENT) as client:
            return await client.import_examples(dataset, items, on_progress)

    return run


def pictures(count: int, label: str = "rose") -> list[LabelledPicture]:
    """Return different pictures."""
    return [LabelledPicture(label, b"picture %d" % number, f"{number}.jpg") for number in range(count)]


def kinds(state: Any) -> list[str]:
    """Return how each picture travelled, in order."""
    return [kind for message in state.messages for kind, _ in message]


async def test_missing_pictures_travel_as_bytes_and_cached_ones_as_digests(gateway: Any, run_import: Any) -> None:
    """Only what FindMissing names is sent; the report counts both kinds."""
    items = pictures(5)
    for item in items[:2]:
        gateway.state.extract(item.picture)
    report = await run_import(items)
    assert kinds(gateway.state) == ["digest", "digest", "content", "content", "content"]
    assert (report.total, report.added, report.unchanged, report.computed, report.refused) == (5, 5, 0, 3, ())


async def test_progress_goes_on_while_pictures_are_placed(gateway: Any, run_import: Any) -> None:
    """When all are dealt with the import has not ended: how far placing is comes until the stream ends."""
    gateway.state.placing = [0, 3, 4]
    told: list[ImportProgress] = []
    report = await run_import(pictures(3), told.append)
    assert [each.placing for each in told[-3:]] == [0, 0.75, 1]
    assert all(each.done == 3 for each in told[-3:])
    assert {each.placing for each in told[:-3]} == {None}
    assert report.added == 3


async def test_the_same_import_again_computes_and_changes_nothing(gateway: Any, run_import: Any) -> None:
    """Every picture is unchanged and none is sent."""
    await run_import(pictures(5))
    gateway.state.messages.clear()
    report = await run_import(pictures(5))
    assert set(kinds(gateway.state)) == {"digest"}
    assert (report.added, report.unchanged, report.computed) == (0, 5, 0)


async def test_identical_pictures_are_sent_once(gateway: Any, run_import: Any) -> None:
    """The second of two identical pictures follows as a digest once the first is stored."""
    items = [LabelledPicture("a", b"same"), LabelledPicture("b", b"same"), *pictures(2)]
    report = await run_import(items)
    assert sorted(kinds(gateway.state)) == ["content", "content", "content", "digest"]
    assert (report.added, report.computed) == (4, 3)


async def test_identical_bad_pictures_are_each_refused(run_import: Any) -> None:
    """What waited behind a refused picture is sent itself, so that its own error is known."""
    report = await run_import([LabelledPicture("a", b"bad", "1"), LabelledPicture("b", b"bad", "2"), *pictures(1)])
    assert [(each.source, each.error.reason) for each in report.refused] == [
        ("1", "CORRUPT_IMAGE"),
        ("2", "CORRUPT_IMAGE"),
    ]
    assert {each.digest for each in report.refused} == {hashlib.sha256(b"bad").digest()}
    assert report.added == 1


async def test_a_vector_that_left_the_cache_is_sent_as_bytes_once(gateway: Any, run_import: Any) -> None:
    """FEATURE_NOT_CACHED for a digest is answered with the bytes."""
    items = pictures(3)
    gateway.state.forgotten.add(hashlib.sha256(b"picture 1").digest())
    report = await run_import(items)
    assert kinds(gateway.state) == ["content", "digest", "content", "content"]
    assert (report.total, report.added, report.computed, report.refused) == (3, 3, 3, ())


async def test_an_unreadable_file_is_refused_and_nothing_else_is_lost(
    gateway: Any, run_import: Any, tmp_path: Path
) -> None:
    """A file that cannot be opened has an error of its own."""
    good = tmp_path / "good.jpg"
    good.write_bytes(b"good")
    items = [LabelledPicture("a", tmp_path / "gone.jpg"), LabelledPicture("a", good), LabelledPicture("a", tmp_path)]
    report = await run_import(items)
    assert [(each.error.reason, each.digest) for each in report.refused] == [("UNREADABLE_FILE", b"")] * 2
    assert "gone.jpg" in report.refused[0].error.message
    assert (report.total, report.added) == (3, 1)
    assert len(gateway.state.datasets["d"]) == 1


async def test_names_that_are_not_utf8_lose_nothing(gateway: Any, run_import: Any, tmp_path: Path) -> None:
    """Such a file is imported under a legible name; such a label refuses its own pictures and no others."""
    for name in (b"rose/caf\xe9.png", b"rose/good.png", b"ros\xe9/lost.png"):
        file = tmp_path / os.fsdecode(name)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(name)
    report = await run_import(Folder.open(tmp_path).items())
    assert sorted(gateway.state.datasets["d"].values()) == ["rose/caf\ufffd.png", "rose/good.png"]
    ((refused),) = report.refused
    assert (refused.source, refused.error.reason) == (os.fsdecode(b"ros\xe9/lost.png"), "INVALID_LABEL")
    assert "label 'ros\ufffd' is not UTF-8" in refused.error.message


async def test_a_file_that_vanishes_after_hashing_is_refused(gateway: Any, run_import: Any, tmp_path: Path) -> None:
    """Between hashing and sending a file can go; its twin elsewhere is still imported."""
    first, twin = tmp_path / "1.jpg", tmp_path / "2.jpg"
    for file in (first, twin):
        file.write_bytes(b"twins")

    def vanish(_: ImportProgress) -> None:
        first.unlink(missing_ok=True)

    # The first calls break (gRPC repeats one that was not answered up to four times by itself); the picture goes
    # before the import sends it again.
    gateway.state.break_after = [0] * 4
    items = [LabelledPicture("a", first), LabelledPicture("b", twin)]
    report = await run_import(items, vanish)
    assert [each.source for each in report.refused] == [str(first)]
    assert report.total == 2
    assert report.added + report.unchanged == 1


async def test_an_interrupted_import_resumes_at_the_first_unacknowledged_message(gateway: Any, run_import: Any) -> None:
    """Breaks in mid-stream lose nothing and count nothing twice."""
    gateway.state.unavailable = 2
    gateway.state.break_after = [1, 0, 2, 0, 0]
    seen: list[ImportProgress] = []
    report = await run_import(pictures(700), seen.append)
    assert (report.total, report.refused) == (700, ())
    assert report.added + report.unchanged == 700
    assert len(gateway.state.datasets["d"]) == 700
    assert max(each.done for each in seen) == 700
    assert any(each.waiting_for for each in seen)
    assert [each.done for each in seen] == sorted(each.done for each in seen)


async def test_an_import_gives_up_after_bounded_retries_without_progress(gateway: Any, run_import: Any) -> None:
    """A service that stays away ends the import with its error."""
    gateway.state.break_after = [0] * 50
    with pytest.raises(UnavailableError, match="restarting"):
        await run_import(pictures(3))
    # Each try of ours is up to four of gRPC's.
    assert IMPATIENT.attempts < len(gateway.state.messages) <= 4 * (1 + IMPATIENT.attempts)


async def test_progress_renews_the_patience(gateway: Any, run_import: Any) -> None:
    """An import that gets on between breaks is never given up, however many there are."""
    gateway.state.break_after = [1] * 2 * IMPATIENT.attempts
    report = await run_import(pictures(64 * 2 * IMPATIENT.attempts))
    assert report.total == 64 * 2 * IMPATIENT.attempts
    assert gateway.state.break_after == []


async def test_an_unknown_dataset_is_an_error(run_import: Any) -> None:
    """Errors that a retry cannot cure end the import at once."""
    with pytest.raises(NotFoundError):
        await run_import(pictures(3), dataset="other")


async def test_messages_are_bounded_in_items_and_bytes(gateway: Any, run_import: Any) -> None:
    """No message has more than 64 items, nor more than 16 MiB unless it is one picture."""
    small = pictures(150)
    large = [LabelledPicture("a", bytes([number]) * 900_000) for number in range(1, 31)]
    await run_import([*small, *large])
    sizes = {hashlib.sha256(item.picture).digest(): len(item.picture) for item in [*small, *large]}  # type: ignore[arg-type] # bytes, all of them
    assert len(gateway.state.messages) >= 4
    for message in gateway.state.messages:
        assert len(message) <= MAX_PICTURES
        assert sum(sizes[digest] for _, digest in message) <= MAX_BYTES


async def test_a_picture_past_the_servers_limit_is_refused_here(run_import: Any) -> None:
    """It is not sent at all, and named with its digest."""
    report = await run_import([LabelledPicture("a", b"x" * 1_000_001, "huge"), *pictures(1)])
    ((refused),) = report.refused
    assert (refused.source, refused.error.reason) == ("huge", "IMAGE_TOO_LARGE")
    assert refused.digest == hashlib.sha256(b"x" * 1_000_001).digest()
    assert report.added == 1


async def test_an_import_does_not_read_far_ahead(run_import: Any) -> None:
    """While the first pictures wait for their answers, only a few groups of the iterable have been taken."""
    taken = 0
    ahead: list[int] = []

    def endless() -> Any:
        nonlocal taken
        for item in pictures(3000):
            taken += 1
            yield item

    def note(progress: ImportProgress) -> None:
        ahead.append(taken - progress.done)

    report = await run_import(endless(), note)
    assert report.added == 3000
    assert max(ahead) <= 1000


async def test_an_import_ends_when_the_cache_keeps_nothing_any_more(gateway: Any, run_import: Any) -> None:
    """Of a message whose new pictures were all refused for want of room, the rest of the import is not computed."""
    items = pictures(1000)
    gateway.state.full = {hashlib.sha256(item.picture).digest() for item in items[64:]}  # type: ignore[arg-type] # bytes
    with pytest.raises(ResourceExhaustedError, match="kept none of the last 64 new pictures") as caught:
        await run_import(items)
    assert (caught.value.reason, caught.value.metadata["cause"]) == ("CACHE_FULL", "the disk took no more")
    assert len(gateway.state.datasets["d"]) == 64
    assert len(gateway.state.messages) < 10


async def test_one_picture_that_finds_no_room_is_refused_alone(gateway: Any, run_import: Any) -> None:
    """While others of its message are kept, the import goes on."""
    items = pictures(200)
    gateway.state.full = {hashlib.sha256(b"picture 70").digest()}
    report = await run_import(items)
    assert (report.added, [each.error.reason for each in report.refused]) == (199, ["CACHE_FULL"])


async def test_messages_keep_to_a_smaller_limit_of_the_server(gateway: Any, run_import: Any) -> None:
    """They are filled less; a picture too large for any message is refused here."""
    gateway.state.max_message_bytes = 300_000
    large = [LabelledPicture("a", bytes([number]) * 100_000) for number in range(1, 10)]
    report = await run_import([*large, LabelledPicture("a", b"x" * 299_000, "huge")])
    assert report.added == len(large)
    assert [(each.source, each.error.reason) for each in report.refused] == [("huge", "IMAGE_TOO_LARGE")]
    assert [len(message) for message in gateway.state.messages] == [2, 2, 2, 2, 1]


async def test_a_folder_is_walked_beside_the_event_loop(
    aclient: AsyncClient, gateway: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting a large folder on a slow disk holds nothing else of the loop up."""
    gateway.state.datasets["d"] = {}
    threads: list[int] = []
    opened = Folder.open

    def noting(path: Path) -> Folder:
        threads.append(threading.get_ident())
        return opened(path)

    monkeypatch.setattr(Folder, "open", noting)
    assert (await aclient.import_folder("d", tmp_path)).total == 0
    assert threads
    assert threads[0] != threading.get_ident()

"""Extra views, lanes and timings, asked for through both clients."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.client import LabelledPicture
from graft.client.extra_views import Views
from graft.errors import InvalidArgumentError
from graft.v1 import feature_extractor_pb2

if TYPE_CHECKING:
    from pathlib import Path

    from graft.client import AsyncClient, Client

PICTURES = [b"rose", b"bad", b"lily"]


def digest(content: bytes) -> bytes:
    """Return a picture's identity."""
    return hashlib.sha256(content).digest()


async def test_views_come_with_their_picture(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Calls and streams of both clients carry the views of each picture, by number; a bad picture has none."""
    asked = [
        client.extract(PICTURES, views=2, view_seed=7),
        list(client.extract_stream(PICTURES, views=2, view_seed=7)),
        await aclient.extract(PICTURES, views=2, view_seed=7),
        [each async for each in aclient.extract_stream(PICTURES, views=2, view_seed=7)],
    ]
    for place, (rose, bad, lily) in enumerate(asked):
        assert [each.view for each in rose.views] == [each.view for each in lily.views] == [1, 2]
        assert {each.cached for each in rose.views} == {place > 0}
        assert bad.views == ()
        for each in rose.views:
            assert each.vector.dtype == np.float32
            assert each.vector.tobytes() == gateway.state.views[digest(b"rose"), 7, each.view]
    (plain,) = client.extract([b"rose"])
    assert plain.views == ()


async def test_timings_come_if_asked_for(client: Client, aclient: AsyncClient) -> None:
    """All four stages in milliseconds; None otherwise."""
    timed = [*client.extract([b"a"], timings=True), *client.extract_stream([b"a"], timings=True)]
    timed += [each async for each in aclient.extract_stream([b"a"], timings=True)]
    for each in timed:
        assert each.timings is not None
        times = (each.timings.queue_ms, each.timings.decode_ms, each.timings.trunk_ms, each.timings.cache_ms)
        assert times == (1, 2, 3, 4)
    assert client.extract([b"a"])[0].timings is None


def test_a_single_call_goes_first_unless_it_says_otherwise(client: Client, gateway: Any) -> None:
    """The lane travels by its name; a name that is none is refused before anything is sent."""
    client.extract([b"a"])
    client.extract([b"a"], lane="bulk")
    lanes = [request.lane for request in gateway.state.requests]
    assert lanes == [feature_extractor_pb2.LANE_INTERACTIVE, feature_extractor_pb2.LANE_BULK]
    with pytest.raises(InvalidArgumentError, match="'interactive', 'bulk'") as caught:
        client.extract([b"a"], lane="fast")  # type: ignore[arg-type] # what a caller without types may do
    assert caught.value.reason == "INVALID_LANE"


def test_a_message_asks_for_about_64_vectors(client: Client, gateway: Any) -> None:
    """With views fewer pictures go into a message, at least one."""
    pictures = [b"%d" % number for number in range(40)]
    assert len(list(client.extract_stream(pictures, views=3))) == 40
    assert gateway.state.batches == [16, 16, 8]


async def test_too_many_views_are_refused_before_a_picture_is_sent(
    client: Client, aclient: AsyncClient, gateway: Any
) -> None:
    """The extractor's limit is known, so nothing travels in vain; find_missing and lookup ask the extractor."""
    gateway.state.datasets["d"] = {}
    with pytest.raises(InvalidArgumentError, match="at most 8"):
        client.extract([b"a"], views=9)
    with pytest.raises(InvalidArgumentError, match="at most 8"):
        list(client.extract_stream([b"a"], views=9))
    with pytest.raises(InvalidArgumentError, match="at most 8") as caught:
        await aclient.import_examples("d", [LabelledPicture("x", b"a")], views=9)
    assert caught.value.reason == "TOO_MANY_VIEWS"
    assert (gateway.state.batches, gateway.state.messages) == ([], [])
    for ask in (lambda: client.find_missing([digest(b"a")], views=9), lambda: client.lookup([digest(b"a")], view=9)):
        with pytest.raises(InvalidArgumentError) as caught:
            ask()
        assert caught.value.reason == "TOO_MANY_VIEWS"


@pytest.mark.parametrize(("views", "seed"), [(-1, 0), (2**32, 0), (1, -1), (1, 2**64)])
def test_numbers_that_the_wire_cannot_carry_are_refused(client: Client, views: int, seed: int) -> None:
    """The error names the argument, whichever call it was."""
    name = "views is" if views != 1 else "view_seed is"
    with pytest.raises(InvalidArgumentError, match=name):
        client.extract([b"a"], views=views, view_seed=seed)
    with pytest.raises(InvalidArgumentError, match=r"view is|view_seed is"):
        client.lookup([], view=views, view_seed=seed)
    assert Views(0, 2**64 - 1).vectors == 1


async def test_vectors_of_a_view_are_found_by_digest(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """A picture is missing until all of the views are cached; views of another seed have nothing in common."""
    list(client.extract_stream([b"rose"], views=2, view_seed=7))
    client.extract([b"lily"])
    wanted = [digest(b"rose"), digest(b"lily")]
    assert client.find_missing(wanted) == []
    assert client.find_missing(wanted, views=2, view_seed=7) == [digest(b"lily")]
    assert await aclient.find_missing(wanted, views=3, view_seed=7) == wanted
    assert await aclient.find_missing(wanted, views=2, view_seed=8) == wanted
    for matrix, missing in (
        client.lookup(wanted, view=2, view_seed=7),
        await aclient.lookup(wanted, view=2, view_seed=7),
    ):
        assert matrix.tobytes() == gateway.state.views[digest(b"rose"), 7, 2]
        assert missing == (digest(b"lily"),)


async def test_an_import_with_views_computes_each_once(
    client: Client, aclient: AsyncClient, gateway: Any, tmp_path: Path
) -> None:
    """The pictures whose views are not cached are sent; the same import again sends and computes nothing."""
    gateway.state.datasets["d"] = {}
    (tmp_path / "rose").mkdir()
    for number in range(40):
        (tmp_path / "rose" / f"{number}.jpg").write_bytes(b"%d" % number)
    assert client.import_folder("d", tmp_path).computed == 40
    gateway.state.messages.clear()
    report = client.import_folder("d", tmp_path, views=3, view_seed=7)
    assert (report.added, report.unchanged, report.computed) == (0, 40, 40)
    assert [len(message) for message in gateway.state.messages] == [16, 16, 8]
    assert len(gateway.state.views) == 40 * 3
    gateway.state.messages.clear()
    again = await aclient.import_folder("d", tmp_path, views=3, view_seed=7)
    assert (again.unchanged, again.computed, again.refused) == (40, 0, ())
    assert [{kind for kind, _ in message} for message in gateway.state.messages] == [{"digest"}]
    assert client.import_folder("d", tmp_path, views=2, view_seed=7).computed == 0
    assert client.import_folder("d", tmp_path, views=3, view_seed=8).computed == 40


def test_a_view_that_left_the_cache_makes_its_picture_travel(client: Client, gateway: Any) -> None:
    """The trainer refuses the digest, and the bytes follow."""
    gateway.state.datasets["d"] = {}
    gateway.state.extract(b"rose")
    gateway.state.forgotten.add(digest(b"rose"))
    report = client.import_examples("d", [LabelledPicture("rose", b"rose")], views=1)
    assert [kind for message in gateway.state.messages for kind, _ in message] == ["digest", "content"]
    assert (report.added, report.computed, report.refused) == (1, 1, ())

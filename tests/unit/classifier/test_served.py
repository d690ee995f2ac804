"""What is served, as the list changes and heads come or fail to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from classifier.served import ServedHeads
from classifier.store import HeadStore
from graft.errors import NotFoundError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.catalogue import Catalogue, Listed


class Source:
    """Hands out files by version, fails for the others."""

    def __init__(self, *heads: Any) -> None:
        self.heads = {(each.listed.classifier, each.listed.version): each for each in heads}
        self.asked: list[int] = []

    async def fetch(self, listed: Listed) -> tuple[bytes, bytes]:
        """Return manifest and tensors."""
        self.asked.append(listed.version)
        try:
            head = self.heads[listed.classifier, listed.version]
        except KeyError:
            raise UnavailableError("the trainer is away") from None
        return head.manifest, head.tensors


def table(catalogue: Catalogue) -> dict[tuple[str, int], tuple[str, ...]]:
    """Return the aliases of each served version."""
    return {(each.listed.classifier, each.listed.version): each.listed.aliases for each in catalogue.entries}


@pytest.fixture
def served(tmp_path: Path) -> ServedHeads:
    """Return served heads, none yet."""
    return ServedHeads(HeadStore(tmp_path))


async def test_what_is_listed_is_served_and_survives_a_restart(
    served: ServedHeads, tmp_path: Path, make_head: Any
) -> None:
    """A new process serves the same aliases from the copies alone."""
    heads = make_head("faces", 2), make_head("faces", 1, ("old",)), make_head("roses", 5, ("a", "production"))
    source = Source(*heads)
    assert await served.follow([each.listed for each in heads], source.fetch)
    expected = {("faces", 1): ("old",), ("faces", 2): ("production",), ("roses", 5): ("a", "production")}
    assert table(served.catalogue) == expected
    again = ServedHeads(HeadStore(tmp_path))
    await again.load()
    assert table(again.catalogue) == expected


async def test_heads_that_are_there_are_not_fetched_again(served: ServedHeads, make_head: Any) -> None:
    """An alias that moves between loaded heads needs no file, and the load time stays."""
    one, two = make_head(version=1), make_head(version=2, aliases=("next",))
    source = Source(one, two)
    await served.follow([one.listed, two.listed], source.fetch)
    before = served.catalogue.find("faces", 2).load_time
    moved = make_head(version=1, aliases=("last",)), make_head(version=2)
    assert await served.follow([each.listed for each in moved], source.fetch)
    assert source.asked == [1, 2]
    assert served.catalogue.find("faces", "production").listed.version == 2
    assert served.catalogue.find("faces", 2).load_time == before


async def test_one_head_that_fails_does_not_stop_the_others(served: ServedHeads, make_head: Any) -> None:
    """The rest is served; a later call tries again and completes it."""
    bad, good = make_head("a-bad-one", 1), make_head("roses", 1)
    source = Source(good)
    assert not await served.follow([bad.listed, good.listed], source.fetch)
    assert table(served.catalogue) == {("roses", 1): ("production",)}
    source.heads["a-bad-one", 1] = bad
    assert await served.follow([bad.listed, good.listed], source.fetch)
    assert ("a-bad-one", 1) in table(served.catalogue)


async def test_an_alias_stays_where_it_is_until_its_next_head_is_there(served: ServedHeads, make_head: Any) -> None:
    """While version 2 cannot be had, production answers with version 1; aliases taken away are gone at once."""
    first = make_head(version=1, aliases=("gone", "production"))
    source = Source(first)
    await served.follow([first.listed], source.fetch)
    second = make_head(version=2)
    assert not await served.follow([second.listed], source.fetch)
    assert table(served.catalogue) == {("faces", 1): ("production",)}
    source.heads["faces", 2] = second
    assert await served.follow([second.listed], source.fetch)
    assert table(served.catalogue) == {("faces", 2): ("production",)}


async def test_a_head_that_stays_for_another_alias_keeps_the_waiting_one_too(
    served: ServedHeads, make_head: Any
) -> None:
    """Version 1 is still listed as `old`; production waits there for version 2."""
    first = make_head(version=1)
    await served.follow([first.listed], Source(first).fetch)
    listed = [make_head(version=1, aliases=("old",)).listed, make_head(version=2).listed]
    assert not await served.follow(listed, Source().fetch)
    assert table(served.catalogue) == {("faces", 1): ("old", "production")}


async def test_files_that_are_not_what_is_listed_are_not_served(served: ServedHeads, make_head: Any) -> None:
    """A trainer that hands out something else gives nothing to serve."""
    one, two = make_head(version=1), make_head(version=2)
    source = Source(one)
    source.heads["faces", 1] = two
    assert not await served.follow([one.listed], source.fetch)
    assert table(served.catalogue) == {}


async def test_a_request_sees_one_state(served: ServedHeads, make_head: Any) -> None:
    """A catalogue that was taken does not change when another takes its place."""
    one = make_head(version=1)
    await served.follow([one.listed], Source(one).fetch)
    taken = served.catalogue
    assert await served.follow([], Source().fetch)
    assert taken.find("faces").listed.version == 1
    with pytest.raises(NotFoundError):
        served.catalogue.find("faces")


async def test_a_corrupt_copy_is_fetched_again(served: ServedHeads, tmp_path: Path, make_head: Any) -> None:
    """A restart without a sound copy serves the others, and the trainer makes up for it."""
    one, other = make_head("faces", 1), make_head("roses", 1)
    await served.follow([one.listed, other.listed], Source(one, other).fetch)
    (tmp_path / "faces/1/head.safetensors").write_bytes(b"junk")
    again = ServedHeads(HeadStore(tmp_path))
    await again.load()
    assert table(again.catalogue) == {("roses", 1): ("production",)}
    source = Source(one)
    assert await again.follow([one.listed, other.listed], source.fetch)
    assert source.asked == [1]
    assert again.catalogue.find("faces").listed.version == 1


async def test_copies_of_what_is_no_longer_listed_are_removed(
    served: ServedHeads, tmp_path: Path, make_head: Any
) -> None:
    """The disk holds what is served and no more."""
    one, two = make_head(version=1), make_head(version=2)
    await served.follow([one.listed], Source(one).fetch)
    await served.follow([two.listed], Source(two).fetch)
    assert [path.name for path in (tmp_path / "faces").iterdir()] == ["2"]


@pytest.mark.parametrize(
    ("classifier", "selector", "told"),
    [
        ("faces", "canary", "version 1 (production)"),
        ("faces", 9, "version 1 (production)"),
        ("roses", "production", "the classifiers are faces"),
    ],
)
async def test_what_is_not_served_is_told_with_what_is(
    served: ServedHeads, make_head: Any, classifier: str, selector: str | int, told: str
) -> None:
    """The message lists the versions and aliases of the classifier, or the classifiers."""
    one = make_head(version=1)
    await served.follow([one.listed], Source(one).fetch)
    with pytest.raises(NotFoundError) as caught:
        served.catalogue.find(classifier, selector)
    assert caught.value.reason == "HEAD_NOT_FOUND"
    assert told in caught.value.message

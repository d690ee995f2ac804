"""The rule that places newcomers, on made-up groups."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import strategies as st

from trainer.catalog.parts import Placement
from trainer.datasets.placing_rule import choose_parts
from trainer.datasets.split import Part, part_of

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

DIGESTS = sorted(hashlib.sha256(b"%d" % n).digest() for n in range(60))


def _new(digest: bytes, label: str = "a", allowed: tuple[Part, ...] = ()) -> Placement:
    return Placement(digest, part_of(digest, allowed), (label,), unplaced=True, allowed=allowed)


def _smallest_in(part: Part) -> bytes:
    return next(each for each in DIGESTS if part_of(each) is part)


def test_alone_a_picture_stays_where_its_digest_says() -> None:
    """Without near duplicates nothing moves."""
    parts = choose_parts([_new(each) for each in DIGESTS], range(60), [None] * 60)
    assert parts == {each: part_of(each) for each in DIGESTS}


def test_the_nearest_placed_picture_takes_the_whole_group() -> None:
    """Of the placed near duplicates of a group's members the nearest decides, for all of them."""
    near = [(0.6, Part.TRAINING), None, (0.65, Part.TEST), None]
    parts = choose_parts([_new(each) for each in DIGESTS[:4]], [0, 0, 0, 3], near, trained=["a"])
    assert [parts[each] for each in DIGESTS[:3]] == [Part.TEST] * 3
    assert parts[DIGESTS[3]] is part_of(DIGESTS[3])


def test_a_copy_follows_its_own_original() -> None:
    """Whatever else is near it: copies of pictures in two parts, alike themselves, go to two parts."""
    near = [(0.75, Part.TRAINING), None, (0.9, Part.TEST)]
    parts = choose_parts([_new(each) for each in DIGESTS[:3]], [0, 0, 0], near)
    assert [parts[each] for each in DIGESTS[:3]] == [Part.TRAINING, Part.TEST, Part.TEST]


@hypothesis.given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_groups_are_whole_and_no_order_matters(chosen: list[int], order: random.Random) -> None:
    """Members of a group share a part; the same pictures in another order land where they did."""
    pictures = [(_new(DIGESTS[row], "abc"[row % 3]), group) for row, group in enumerate(chosen)]

    def place(listed: Sequence[tuple[Placement, int]]) -> dict[bytes, Part]:
        groups = [group for _, group in listed]
        return choose_parts(
            [each for each, _ in listed], [groups.index(group) for group in groups], [None] * len(listed)
        )

    parts = place(pictures)
    for group in set(chosen):
        assert len({parts[each.digest] for each, its in pictures if its == group}) == 1
    order.shuffle(pictures)
    assert place(pictures) == parts


def test_a_member_goes_only_where_it_is_allowed() -> None:
    """One that may not follow its group is placed by its digest among its own parts."""
    tied = _smallest_in(Part.TEST)
    others = [each for each in DIGESTS if each > tied][:2]
    allowed = (Part.TRAINING, Part.VALIDATION)
    group = [_new(tied), _new(others[0], allowed=allowed), _new(others[1], allowed=(Part.VALIDATION, Part.TEST))]
    parts = choose_parts(group, [0, 0, 0], [None] * 3, trained=["a"])
    assert [parts[each.digest] for each in group] == [Part.TEST, part_of(others[0], allowed), Part.TEST]


def test_grouping_leaves_no_class_without_a_training_picture() -> None:
    """The first free group that has a training picture by its digest goes there, unless the class has another."""
    test = _smallest_in(Part.TEST)
    one, two = [each for each in DIGESTS if part_of(each) is Part.TRAINING and each > test][:2]
    other = next(each for each in DIGESTS if part_of(each) is Part.TEST and each > test)
    pictures = [_new(each, "rare") for each in (test, one, other, two)]
    parts = choose_parts(pictures, [0, 0, 2, 3], [None, None, None, (0.9, Part.TEST)])
    assert [parts[each] for each in (test, one, other, two)] == [Part.TRAINING, Part.TRAINING, Part.TEST, Part.TEST]
    parts = choose_parts(pictures, [0, 0, 2, 3], [None, None, None, (0.9, Part.TEST)], trained=["rare"])
    assert set(parts.values()) == {Part.TEST}


def test_what_chance_placed_outside_training_stays_there() -> None:
    """Where the digests alone leave a class without training pictures, the order of imports must not matter."""
    pictures = [_new(each, "rare") for each in DIGESTS if part_of(each) is Part.TEST]
    assert set(choose_parts(pictures, range(len(pictures)), [None] * len(pictures)).values()) == {Part.TEST}

"""The split by digest alone: in the promised shares."""

from __future__ import annotations

import hashlib
from collections import Counter

import hypothesis
import pytest
from hypothesis import strategies as st

from trainer.datasets.split import Part, part_of


def test_shares_are_about_70_10_20() -> None:
    """Over many pictures the parts have their shares."""
    counts = Counter(part_of(hashlib.sha256(str(n).encode()).digest()) for n in range(20_000))
    assert abs(counts[Part.TRAINING] / 20_000 - 0.7) < 0.02
    assert abs(counts[Part.VALIDATION] / 20_000 - 0.1) < 0.01
    assert abs(counts[Part.TEST] / 20_000 - 0.2) < 0.02


def test_parts_are_pinned() -> None:
    """The part of a digest is the same for ever: a changed constant would move pictures between versions."""
    parts = [part_of(bytes([n]) * 32) for n in range(12)]
    assert " ".join(part[:2] for part in parts) == "va tr tr tr tr tr va tr tr tr tr tr"


@hypothesis.given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=50, unique=True), st.randoms())
def test_part_depends_on_nothing_else(digests: list[bytes], random: object) -> None:
    """Neither the order nor the company of a picture changes its part."""
    alone = {digest: part_of(digest) for digest in digests}
    shuffled = sorted(digests, key=lambda digest: hashlib.sha256(digest + repr(random).encode()).digest())
    assert {digest: part_of(digest) for digest in shuffled} == alone


def test_four_hundred_pictures_have_a_test_part_of_sixty() -> None:
    """Among many sets of 400 pictures the test part has 60 or more in at least 99 of 100."""
    enough = 0
    for seed in range(200):
        parts = Counter(part_of(hashlib.sha256(f"{seed}/{n}".encode()).digest()) for n in range(400))
        enough += parts[Part.TEST] >= 60
    assert enough >= 198


@pytest.mark.parametrize(
    ("allowed", "shares"),
    [
        ((Part.TRAINING, Part.VALIDATION), {Part.TRAINING: 0.875, Part.VALIDATION: 0.125}),
        ((Part.TEST, Part.VALIDATION), {Part.VALIDATION: 1 / 3, Part.TEST: 2 / 3}),
        ((Part.TEST,), {Part.TEST: 1.0}),
    ],
)
def test_allowed_parts_divide_all_pictures_by_their_shares(
    allowed: tuple[Part, ...], shares: dict[Part, float]
) -> None:
    """Where only some parts are allowed, they take what the others would have had, in proportion."""
    counts = Counter(part_of(hashlib.sha256(str(n).encode()).digest(), allowed) for n in range(20_000))
    assert set(counts) == set(shares)
    assert all(abs(counts[part] / 20_000 - share) < 0.02 for part, share in shares.items())

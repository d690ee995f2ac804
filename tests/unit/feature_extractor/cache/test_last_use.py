"""The table of last use: what is oldest, what survives, and what a missing or damaged file means."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feature_extractor.cache.last_use import SLOTS, UNKNOWN_AGE, LastUse, heads_of, slots_of

if TYPE_CHECKING:
    from pathlib import Path

FINGERPRINT = b"f" * 16


def digest(number: int) -> bytes:
    """A digest that stands for a picture."""
    return sha256(b"%d" % number).digest()


@given(digest=st.binary(min_size=32, max_size=32), view=st.binary(min_size=8, max_size=8))
def test_a_slot_is_the_first_twenty_bits_and_views_share_it(digest: bytes, view: bytes) -> None:
    """A picture and its views have one slot, between whose first and last heads their keys lie."""
    picture, of_view = slots_of([digest, digest + view]).tolist()
    assert picture == of_view == int.from_bytes(digest[:3], "big") >> 4
    first, last = heads_of(picture)
    assert first <= digest[:4] <= last
    assert int.from_bytes(last, "big") - int.from_bytes(first, "big") + 1 == 2**32 // SLOTS


def test_the_oldest_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    """Slots come in the order of their last use; what was used at or after the bound does not come at all."""
    table = LastUse(tmp_path / "table.bin", FINGERPRINT)
    for number, second in ((1, 500), (2, 300), (3, 400), (4, 600)):
        table.touch([digest(number)], second)
    slots, seconds = table.oldest(2, before_s=10_000)
    assert slots.tolist() == slots_of([digest(2), digest(3)]).tolist()
    assert seconds.tolist() == [300, 400]
    assert table.oldest(10, before_s=600)[1].tolist() == [300, 400, 500]
    assert table.newest == 600


def test_a_use_moves_a_slot_back(tmp_path: Path) -> None:
    """What is used again is as old as its last use, and `is_as_old` tells whoever remembers the time before."""
    table = LastUse(tmp_path / "table.bin", FINGERPRINT)
    table.touch([digest(1), digest(2)], 300)
    table.touch([digest(1)], 900)
    slot = int(slots_of([digest(1)])[0])
    assert not table.is_as_old(slot, 300)
    assert table.is_as_old(slot, 900)
    assert table.oldest(1, before_s=10_000)[1].tolist() == [300]


def test_unknown_is_older_than_all_else_and_no_time_to_tell(tmp_path: Path) -> None:
    """A slot of unknown age comes first; it makes no last use; a known time is not forgotten by it."""
    table = LastUse(tmp_path / "table.bin", FINGERPRINT)
    table.mark_unknown(slots_of([digest(1)]))
    assert table.newest is None
    table.touch([digest(2)], 300)
    table.mark_unknown(slots_of([digest(1), digest(2)]))
    assert table.oldest(2, before_s=10_000)[1].tolist() == [UNKNOWN_AGE, 300]


def test_an_emptied_slot_is_gone_and_may_be_restored(tmp_path: Path) -> None:
    """What was emptied is not among the oldest; restored, it is as old as it was, unless it was used meanwhile."""
    table = LastUse(tmp_path / "table.bin", FINGERPRINT)
    table.touch([digest(1), digest(2)], 300)
    slot, other = slots_of([digest(1), digest(2)]).tolist()
    table.empty(slot)
    table.empty(other)
    assert table.oldest(2, before_s=10_000)[0].tolist() == []
    table.touch([digest(2)], 700)
    table.restore(slot, 300)
    table.restore(other, 300)
    assert table.oldest(2, before_s=10_000)[1].tolist() == [300, 700]


def test_a_saved_table_comes_back(tmp_path: Path) -> None:
    """Times, the last use and whether the table is complete are in the file."""
    table = LastUse(tmp_path / "table.bin", FINGERPRINT)
    assert not table.complete
    table.touch([digest(1), digest(2)], 300)
    table.save(complete=True)
    again = LastUse(tmp_path / "table.bin", FINGERPRINT)
    assert again.complete
    assert again.newest == 300
    assert again.oldest(5, before_s=301)[0].tolist() == table.oldest(5, before_s=301)[0].tolist()


def test_a_table_that_was_opened_does_not_pass_for_complete_after_a_kill(tmp_path: Path) -> None:
    """From `open` on, the file says that it is not complete, because what is written next is not in it."""
    table = LastUse(tmp_path / "table.bin", FINGERPRINT)
    table.touch([digest(1)], 300)
    table.save(complete=True)
    opened = LastUse(tmp_path / "table.bin", FINGERPRINT)
    opened.open()
    assert opened.complete
    assert not LastUse(tmp_path / "table.bin", FINGERPRINT).complete
    assert LastUse(tmp_path / "table.bin", FINGERPRINT).newest == 300


def test_an_unchanged_table_is_not_written(tmp_path: Path) -> None:
    """Saving without a change since the last save leaves the file alone; a change makes it be written."""
    path = tmp_path / "table.bin"
    table = LastUse(path, FINGERPRINT)
    table.save(complete=False)
    assert not path.exists()
    table.touch([digest(1)], 300)
    table.save(complete=False)
    path.unlink()
    table.save(complete=False)
    assert not path.exists()


@pytest.mark.parametrize("place", [0, 1, 4_000_000, -1])
def test_a_damaged_file_means_unknown_and_never_fails(tmp_path: Path, place: int) -> None:
    """One flipped bit anywhere, another fingerprint's file or half a file: the table begins empty and incomplete."""
    path = tmp_path / "table.bin"
    table = LastUse(path, FINGERPRINT)
    table.touch([digest(1)], 300)
    table.save(complete=True)
    content = bytearray(path.read_bytes())
    assert LastUse(path, b"g" * 16).newest is None
    path.write_bytes(content[: len(content) // 2])
    assert LastUse(path, FINGERPRINT).newest is None
    content[place] ^= 1
    path.write_bytes(content)
    damaged = LastUse(path, FINGERPRINT)
    assert not damaged.complete
    assert damaged.newest is None
    assert len(damaged.oldest(5, before_s=10_000)[0]) == 0


def test_a_table_on_a_broken_disk_is_kept_in_memory(tmp_path: Path) -> None:
    """A save that fails raises, and the change is saved by the next that succeeds."""
    path = tmp_path / "missing" / "table.bin"
    table = LastUse(path, FINGERPRINT)
    table.touch([digest(1)], 300)
    with pytest.raises(OSError, match="missing"):
        table.save(complete=False)
    path.parent.mkdir()
    table.save(complete=False)
    assert LastUse(path, FINGERPRINT).newest == 300


@given(numbers=st.lists(st.integers(0, 10_000), max_size=50, unique=True), count=st.integers(1, 60))
def test_the_oldest_are_the_oldest(tmp_path_factory: pytest.TempPathFactory, numbers: list[int], count: int) -> None:
    """Whatever was touched in whatever order, `oldest` gives the smallest times."""
    table = LastUse(tmp_path_factory.mktemp("table") / "table.bin", FINGERPRINT)
    times: dict[int, int] = {}
    for second, number in enumerate(numbers, start=100):
        table.touch([digest(number)], second)
        times[int(slots_of([digest(number)])[0])] = second
    slots, seconds = table.oldest(count, before_s=1_000_000)
    assert seconds.tolist() == sorted(times.values())[:count]
    assert [times[slot] for slot in slots.tolist()] == seconds.tolist()
    assert seconds.dtype == np.uint32

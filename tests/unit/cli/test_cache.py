"""What `graft cache` prints and asks for, against a fake gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer

from graft.cli import quantities

SERVING = bytes(range(16))
OLD = b"\x10" * 16
OLDER = b"\x10\x11" * 8


def test_stats_tell_what_is_held_of_each_trunk(graft: Any, gateway: Any) -> None:
    """A line for each fingerprint; the one that serves is marked."""
    gateway.state.extract(b"rose")
    gateway.state.old_vectors[OLD] = 5
    gateway.state.evicted = 2
    result = graft("cache", "stats")
    assert result.exit_code == 0
    assert "5 B of 1000 B" in result.stdout
    assert "3 computed, 2 evicted" in result.stdout
    first, second = result.stdout.splitlines()[-2:]
    assert first.split()[:2] == [SERVING.hex(), "1"]
    assert first.split()[-1] == "serving"
    assert second.split() == [OLD.hex(), "5", "-"]
    printed = json.loads(graft("cache", "stats", "--json").stdout)
    assert printed["file_bytes"] == 4096
    assert printed["fingerprints"][1] == {"fingerprint": OLD.hex(), "vectors": 5, "last_use_time": None}


def test_verify_says_what_was_dropped(graft: Any, gateway: Any) -> None:
    """Damaged entries are dropped and counted; a second check finds none."""
    for name in (b"a", b"b", b"c"):
        gateway.state.extract(name)
    gateway.state.damaged.add(min(gateway.state.cache))
    result = graft("cache", "verify")
    assert (result.exit_code, result.stdout) == (0, "3 entries checked, 1 damaged ones dropped\n")
    assert json.loads(graft("cache", "verify", "--json").stdout) == {"checked": 2, "total": 2, "dropped": 0}


def test_evict_takes_the_first_digits_of_a_fingerprint(graft: Any, gateway: Any) -> None:
    """Enough of them to be the only one; others are left."""
    gateway.state.old_vectors = {OLD: 5, OLDER: 7}
    ambiguous = graft("cache", "evict", "--fingerprint", "10")
    assert ambiguous.exit_code == 2
    assert "give 4 to 32 hexadecimal digits" in ambiguous.stderr
    unknown = graft("cache", "evict", "--fingerprint", "abcd")
    assert (unknown.exit_code, gateway.state.evictions) == (1, [])
    assert "`graft cache stats` lists those" in unknown.stderr
    result = graft("cache", "evict", "--fingerprint", "1011")
    assert result.exit_code == 0
    assert result.stdout == f"{OLDER.hex()}: 7 vectors and 1 previews dropped, 1.0 KiB in use\n"
    assert gateway.state.old_vectors == {OLD: 5}


def test_digits_that_two_fingerprints_begin_with_are_refused(graft: Any, gateway: Any) -> None:
    """Both are named and nothing is dropped."""
    gateway.state.old_vectors = {OLD: 5, b"\x10\x10\x11" + bytes(13): 7}
    result = graft("cache", "evict", "--fingerprint", "1010")
    assert result.exit_code == 1
    assert f"1010 begins {OLD.hex()}, 101011" in result.stderr
    assert gateway.state.evictions == []


def test_evict_by_age_and_size(graft: Any, gateway: Any) -> None:
    """The amounts travel in seconds and bytes; both at once are one eviction."""
    gateway.state.old_vectors[OLD] = 5
    result = graft("cache", "evict", "--unused-for", "30d", "--to-size", "10GiB")
    assert result.stdout == "5 vectors and 1 previews dropped, 1.0 KiB in use\n"
    printed = json.loads(graft("cache", "evict", "--to-size", "0", "--json").stdout)
    assert printed == [{"fingerprint": None, "evicted_vectors": 0, "evicted_previews": 1, "used_bytes": 1024}]
    first, second = gateway.state.evictions
    assert (first.fingerprint, first.unused_for.ToSeconds(), first.to_bytes) == (b"", 30 * 86_400, 10 * 2**30)
    assert (second.HasField("unused_for"), second.HasField("to_bytes"), second.to_bytes) == (False, True, 0)


def test_all_but_the_serving_trunk_can_go(graft: Any, gateway: Any) -> None:
    """Every other fingerprint is dropped, one after the other; the serving one is never asked for."""
    gateway.state.extract(b"rose")
    gateway.state.old_vectors = {OLD: 5, OLDER: 7}
    result = graft("cache", "evict", "--all-but-serving", "--unused-for", "2h")
    assert [line.split(" previews")[0] for line in result.stdout.splitlines()] == [
        f"{OLD.hex()}: 5 vectors and 1",
        f"{OLDER.hex()}: 7 vectors and 1",
    ]
    asked = [(each.fingerprint, each.unused_for.ToSeconds()) for each in gateway.state.evictions]
    assert asked == [(OLD, 7200), (OLDER, 7200)]
    assert len(gateway.state.cache) == 1
    again = graft("cache", "evict", "--all-but-serving")
    assert again.stdout == "nothing dropped: all vectors are of the trunk that serves\n"
    assert len(gateway.state.evictions) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give at least one"),
        (["--all-but-serving", "--to-size", "1GiB"], "goes with --unused-for alone"),
        (["--all-but-serving", "--fingerprint", "1010"], "goes with --unused-for alone"),
        (["--fingerprint", "wxyz"], "hexadecimal digits"),
        (["--unused-for", "30"], "no duration"),
        (["--to-size", "much"], "no size"),
        (["--to-size", "-1"], "no size"),
    ],
)
def test_an_eviction_that_is_not_clear_is_a_usage_error(
    graft: Any, gateway: Any, arguments: list[str], says: str
) -> None:
    """Exit code 2, what is wrong, and nothing is dropped."""
    result = graft("cache", "evict", *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert gateway.state.evictions == []


def test_amounts_are_read_as_people_write_them() -> None:
    """Units of time and of bytes, binary and decimal, whole and with a fraction."""
    assert [quantities.seconds(text) for text in ("45m", "12h", "30d", "2w", "1.5 h", "0s")] == [
        *(45 * 60, 12 * 3600, 30 * 86_400, 14 * 86_400),
        *(5400, 0),
    ]
    sizes = ("0", "512", "512 B", "1.5KiB", "500MB", "10GiB", "2tib", "9007199254740993B")
    assert [quantities.size_bytes(text) for text in sizes] == [
        *(0, 512, 512, 1536),
        *(500_000_000, 10 * 2**30, 2 * 2**40, 9_007_199_254_740_993),
    ]
    for text in ("", "d", "30", "30y", "-1d", "1e3s"):
        with pytest.raises(typer.BadParameter, match="no duration"):
            quantities.seconds(text)
    for text in ("", "GiB", "-1GiB", "10G", "1e3"):
        with pytest.raises(typer.BadParameter, match="no size"):
            quantities.size_bytes(text)

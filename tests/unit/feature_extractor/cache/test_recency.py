"""Recency of all fingerprints: what a restart, a kill and a minute's passing keep."""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

from feature_extractor.cache.last_use import LastUse
from feature_extractor.cache.recency import Recency

if TYPE_CHECKING:
    from pathlib import Path

FINGERPRINT, OTHER = b"f" * 16, b"g" * 16


def digest(number: int) -> bytes:
    """A digest that stands for a picture."""
    return sha256(b"%d" % number).digest()


def test_uses_are_kept_over_a_restart(tmp_path: Path) -> None:
    """What was used when is known after a close, and the table is as complete as it was."""
    with closing(Recency(tmp_path, FINGERPRINT, clock=lambda: 1234.9)) as recency:
        recency.touch([digest(1)])
        recency.table(FINGERPRINT).complete = True
        assert recency.newest(FINGERPRINT) == 1234
    with closing(Recency(tmp_path, FINGERPRINT)) as recency:
        assert recency.newest(FINGERPRINT) == 1234
        assert recency.table(FINGERPRINT).complete


def test_a_kill_leaves_an_incomplete_table(tmp_path: Path) -> None:
    """While a complete table is open, the file on disk says that it is not complete."""
    with closing(Recency(tmp_path, FINGERPRINT, clock=lambda: 1000.0)) as recency:
        recency.touch([digest(1)])
        recency.table(FINGERPRINT).complete = True
    with closing(Recency(tmp_path, FINGERPRINT)):
        assert not LastUse(tmp_path / f"last-use-{FINGERPRINT.hex()}.bin", FINGERPRINT).complete


def test_another_fingerprints_last_use_is_told(tmp_path: Path) -> None:
    """A trunk that served before has the last use that it had then; one that never did has none."""
    with closing(Recency(tmp_path, OTHER, clock=lambda: 500.0)) as recency:
        recency.touch([digest(1)])
    with closing(Recency(tmp_path, FINGERPRINT, clock=lambda: 900.0)) as recency:
        assert recency.newest(OTHER) == 500
        assert recency.newest(b"h" * 16) is None
        assert len(recency.table(OTHER).oldest(5, before_s=501)[0]) == 1


def test_a_fingerprint_without_vectors_is_forgotten(tmp_path: Path) -> None:
    """Its file is deleted; that of the serving one stays."""
    with closing(Recency(tmp_path, OTHER, clock=lambda: 500.0)) as recency:
        recency.touch([digest(1)])
    with closing(Recency(tmp_path, FINGERPRINT, clock=lambda: 900.0)) as recency:
        recency.touch([digest(2)])
        recency.forget(OTHER)
        recency.forget(FINGERPRINT)
        assert recency.newest(OTHER) is None
        assert recency.newest(FINGERPRINT) == 900
    assert [path.name for path in tmp_path.iterdir()] == [f"last-use-{FINGERPRINT.hex()}.bin"]


def test_a_disk_that_refuses_the_file_stops_nothing(tmp_path: Path) -> None:
    """Where the table cannot be written, uses are still remembered until the close."""
    with closing(Recency(tmp_path / "missing", FINGERPRINT, clock=lambda: 900.0)) as recency:
        recency.touch([digest(2)])
        assert recency.newest(FINGERPRINT) == 900
    assert list(tmp_path.iterdir()) == []


def test_files_that_nobody_needs_are_swept_away(tmp_path: Path) -> None:
    """Of fingerprints without vectors, and half written before a kill; those of the serving one and of others stay."""
    third = b"h" * 16
    for fingerprint in (FINGERPRINT, OTHER, third):
        Recency(tmp_path, fingerprint).close()
    name = f"last-use-{OTHER.hex()}.bin"
    for stray in (f".{name}.77.tmp", f".last-use-{b'i'.hex() * 16}.bin.78.tmp"):
        (tmp_path / stray).write_bytes(b"half")
    (tmp_path / "data.mdb").write_bytes(b"")
    with closing(Recency(tmp_path, FINGERPRINT)) as recency:
        recency.sweep([OTHER])
    assert {path.name for path in tmp_path.iterdir()} == {"data.mdb", name, f"last-use-{FINGERPRINT.hex()}.bin"}

"""Dropping what readers found damaged: each counted once, kept in mind while it cannot be dropped."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from feature_extractor.cache.mending import Mender
from feature_extractor.cache.store import Store
from feature_extractor.cache.tables import DATABASES, PREVIEWS, VECTORS, Tables
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = [b"f" * 16 + bytes([number]) * 32 for number in range(3)]
SOON_S = 10.0


def nothing_is_good(key: bytes, value: bytes) -> bool:
    """For tests in which all that is noted is damaged."""
    del key, value
    return False


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    """Tables with three vectors, of which Mender is told that they are damaged."""
    with closing(Store(tmp_path, databases=DATABASES, map_bytes=1 << 24, size_limit_bytes=1 << 24)) as store:
        opened = Tables(store)
        with store.transaction(write=True) as transaction:
            opened.put(transaction, dict.fromkeys(KEYS, b"value"), {}, nothing_is_good)
        yield opened


def test_what_is_noted_is_dropped_by_a_thread(tables: Tables) -> None:
    """Nobody has to ask for it; what was not noted stays."""
    found: list[int] = []
    dropped = threading.Event()

    def dropping(*arguments: Any) -> int:
        count = drop_bad(*arguments)
        dropped.set()
        return count

    drop_bad = tables.drop_bad
    tables.drop_bad = dropping  # type: ignore[method-assign]  # to know when
    with closing(Mender(tables, {VECTORS: nothing_is_good}, found=found.append, every_s=0.001)) as mender:
        mender.note(VECTORS, KEYS[:2])
        assert dropped.wait(SOON_S)
    assert tables.are_stored(KEYS) == [False, False, True]
    assert found == [2]


def test_each_counts_once_until_it_is_written_anew(tables: Tables) -> None:
    """However often a damaged value is read; one that was healed and goes bad again is another."""
    found: list[int] = []
    with closing(Mender(tables, {VECTORS: nothing_is_good}, found=found.append, every_s=3600)) as mender:
        for _ in range(2):
            mender.note(VECTORS, KEYS[:2])
        mender.note(VECTORS, KEYS)
        assert found == [2, 1]
        assert mender.damaged(VECTORS) == set(KEYS)
        mender.forget(VECTORS, KEYS[:1])
        mender.note(VECTORS, KEYS[:1])
        assert found == [2, 1, 1]


def test_what_cannot_be_dropped_stays_noted_and_the_log_tells_changes(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that refuses writes makes one line, not one for each attempt, and the keys go on counting as damaged."""

    def refuse(*_: Any) -> int:
        raise UnavailableError("no", reason="CACHE_UNUSABLE")

    caplog.set_level(logging.WARNING)
    is_good = {VECTORS: nothing_is_good, PREVIEWS: nothing_is_good}
    with closing(Mender(tables, is_good, found=lambda _: None, every_s=3600)) as mender:
        mender.note(VECTORS, KEYS)
        with monkeypatch.context() as patch:
            patch.setattr(tables, "drop_bad", refuse)
            for _ in range(3):
                mender.drop()
        assert mender.damaged(VECTORS) == set(KEYS)
        mender.drop()
        assert mender.damaged(VECTORS) == frozenset()
    assert [record.message for record in caplog.records] == [
        "3 corrupt values of the cache's vectors cannot be dropped: no",
        "dropped 3 corrupt values of the cache's vectors",
    ]

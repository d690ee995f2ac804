"""The catalog's file: schema, transactions, threads."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from graft.errors import FailedPreconditionError, ResourceExhaustedError
from trainer.catalog.connection import Catalog
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.schema import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path


def test_reopening_keeps_what_was_written(tmp_path: Path) -> None:
    """A catalog opened again holds what was committed before."""
    first = Catalog(tmp_path / "catalog.sqlite3")
    DatasetStore(first).create("faces")
    first.close()
    again = Catalog(tmp_path / "catalog.sqlite3")
    assert DatasetStore(again).get("faces").name == "faces"
    again.close()


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    """A catalog that a newer Graft wrote is refused, with both versions named."""
    path = tmp_path / "catalog.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(FailedPreconditionError, match="newer Graft") as caught:
        Catalog(path)
    assert caught.value.reason == "CATALOG_TOO_NEW"


def test_catalog_is_durable_and_checks_references(catalog: Catalog) -> None:
    """Every connection writes ahead, syncs each commit and enforces foreign keys."""
    with catalog.write() as writer, catalog.read() as reader:
        for connection in (writer, reader):
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_failed_transaction_changes_nothing(catalog: Catalog, datasets: DatasetStore) -> None:
    """What a transaction wrote before it failed is undone, and the next one works."""

    def fail() -> None:
        with catalog.write() as connection:
            connection.execute("INSERT INTO datasets (name, created_ms) VALUES ('half', 1)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    datasets.create("whole")
    assert [dataset.name for dataset in datasets.list_page().items] == ["whole"]


def test_a_full_disk_is_told(catalog: Catalog, datasets: DatasetStore) -> None:
    """A write that finds no room says so and changes nothing; with room again it works."""

    def fill() -> None:
        with catalog.write() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
            row = ("x" * 100_000,)
            connection.execute("INSERT INTO datasets (name, created_ms) VALUES (?, 1)", row)

    with pytest.raises(ResourceExhaustedError, match="full") as caught:
        fill()
    assert caught.value.reason == "DISK_FULL"
    assert caught.value.retry_after_s > 0
    with catalog.write() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    datasets.create("whole")
    assert [dataset.name for dataset in datasets.list_page().items] == ["whole"]


def test_many_threads_write_and_read(datasets: DatasetStore) -> None:
    """Threads that create and list at once lose nothing."""

    def work(worker: int) -> None:
        for n in range(10):
            datasets.create(f"set-{worker}-{n}")
            datasets.list_page()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(datasets.list_page().items) == 80

"""Opening and owning a cache directory: who is let in, who is told what, and how the environment is set."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from feature_extractor.cache.environment import open_environment
from feature_extractor.cache.store import Store, own
from graft.errors import FailedPreconditionError, GraftError

if TYPE_CHECKING:
    from pathlib import Path


def open_store(directory: Path) -> Store:
    """A small store with one database."""
    return Store(directory, databases=("vectors",), map_bytes=1 << 20, size_limit_bytes=1 << 20)


def test_a_second_owner_is_kept_out_and_told_who_owns(tmp_path: Path) -> None:
    """Opening a directory that is in use raises FailedPreconditionError with the owner's pid; after close it opens."""
    with (
        closing(open_store(tmp_path)),
        pytest.raises(FailedPreconditionError, match=rf"in use by process {os.getpid()}\b") as refused,
    ):
        open_store(tmp_path)
    assert refused.value.reason == "CACHE_IN_USE"
    assert refused.value.metadata == {"pid": str(os.getpid())}
    open_store(tmp_path).close()


def test_ownership_is_taken_before_the_store_is_opened(tmp_path: Path) -> None:
    """`own` makes the directory and keeps others out; the store that it is given to gives it up on close."""
    directory = tmp_path / "new" / "cache"
    owned = own(directory)
    with pytest.raises(FailedPreconditionError, match=rf"in use by process {os.getpid()}\b"):
        own(directory)
    store = Store(directory, databases=("vectors",), map_bytes=1 << 20, size_limit_bytes=1 << 20, owned=owned)
    with pytest.raises(FailedPreconditionError, match="in use"):
        own(directory)
    store.close()
    own(directory).release()


def test_ownership_is_given_up_if_the_store_cannot_be_opened(tmp_path: Path) -> None:
    """A refusal at the door leaves nobody locked out."""
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(FailedPreconditionError):
        Store(tmp_path, databases=("vectors",), map_bytes=1 << 20, size_limit_bytes=1 << 20, owned=own(tmp_path))
    own(tmp_path).release()


def test_a_directory_that_is_no_cache_is_named(tmp_path: Path) -> None:
    """A foreign data file is refused with its directory's name, and the lock on it is given up."""
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(FailedPreconditionError, match=str(tmp_path)) as refused:
        open_store(tmp_path)
    assert refused.value.reason == "CACHE_UNREADABLE"
    (tmp_path / "data.mdb").unlink()
    open_store(tmp_path).close()


def test_what_is_written_is_synced_and_the_map_is_never_written_through(tmp_path: Path) -> None:
    """An acknowledged entry survives a power cut, and a full disk is an error instead of SIGBUS."""
    with open_environment(tmp_path, 1 << 20, 1 << 20) as environment:
        flags = environment.flags()
        assert (flags["sync"], flags["metasync"], flags["writemap"]) == (True, True, False)


def test_an_error_inside_a_transaction_undoes_it(tmp_path: Path) -> None:
    """A write transaction that raises leaves nothing behind."""

    def write_and_fail(store: Store) -> None:
        with store.transaction(write=True) as transaction:
            transaction.put(b"key", b"value", db=store.databases["vectors"])
            raise RuntimeError("half way")

    with closing(open_store(tmp_path)) as store:
        with pytest.raises(RuntimeError, match="half way"):
            write_and_fail(store)
        with store.transaction() as transaction:
            assert transaction.get(b"key", db=store.databases["vectors"]) is None


def test_the_lock_file_has_its_blocks(tmp_path: Path) -> None:
    """No page of it is a hole that a reader's first use would have to find room for, also where an older one has."""
    (tmp_path / "lock.mdb").touch()
    os.truncate(tmp_path / "lock.mdb", 65_664)
    with closing(open_store(tmp_path)):
        found = (tmp_path / "lock.mdb").stat()
        assert found.st_blocks * 512 >= found.st_size >= 65_664


@pytest.mark.parametrize(
    ("code", "reason"), [(errno.ENOSPC, "CACHE_FULL"), (errno.EROFS, "CACHE_UNREADABLE")], ids=["full", "read-only"]
)
def test_a_disk_without_room_for_the_lock_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    """The message names the file; the directory is given up."""

    def refuse(*_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(GraftError, match=r"lock\.mdb") as refused:
        open_store(tmp_path)
    monkeypatch.undo()
    assert refused.value.reason == reason
    open_store(tmp_path).close()

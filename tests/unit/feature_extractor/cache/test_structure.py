"""The check of the file before it is opened: what is sound is let in, damage is refused or put right."""

from __future__ import annotations

import errno
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import lmdb
import lmdb.verify
import pytest
from damaged_caches import PAGE, PICTURES, chance_of, run, tree_pages

from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.page_entries import DamagedError
from feature_extractor.cache.structure import check_structure
from graft.errors import DataLossError, FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

RUN_KIND = 4


def test_a_sound_file_is_let_in(filled: Path, tmp_path: Path) -> None:
    """Nothing is found in a sound file, nor where there is no file yet, nor in one that is none of LMDB's."""
    check_structure(filled / "data.mdb")
    check_structure(tmp_path / "data.mdb")
    (tmp_path / "data.mdb").write_bytes(b"a text\n" * 1000)
    check_structure(tmp_path / "data.mdb")
    (tmp_path / "data.mdb").write_bytes(b"")
    check_structure(tmp_path / "data.mdb")


def test_files_of_many_shapes_are_let_in(tmp_path: Path) -> None:
    """Deep trees, long and short values, deletions and their lists of free pages: what LMDB writes is found sound."""
    chance = chance_of(1)
    with lmdb.open(str(tmp_path), max_dbs=4, map_size=1 << 28) as environment:
        databases = [environment.open_db(name) for name in (b"one", b"two", b"three")]
        for _ in range(30):
            with environment.begin(write=True) as transaction:
                for _ in range(300):
                    key = chance.randbytes(chance.choice([16, 33, 48, 200, 511]))
                    transaction.put(
                        key, bytes(chance.choice([0, 1, 100, 3000, 20_000])), db=databases[chance.randrange(3)]
                    )
                for database in databases:
                    cursor = transaction.cursor(database)
                    for _ in range(40):
                        if cursor.set_range(chance.randbytes(4)):
                            cursor.delete()
            check_structure(tmp_path / "data.mdb")
    assert lmdb.verify.verify(str(tmp_path)) == []


@pytest.mark.parametrize("seed", range(10))
def test_what_the_whole_check_finds_in_the_trees_is_found(filled: Path, tmp_path: Path, seed: int) -> None:
    """A page of zeros or noise among the trees is found where LMDB's own, slow, offline check finds it."""
    chance = chance_of(seed)
    sound = (filled / "data.mdb").read_bytes()
    pages = tree_pages(sound)
    chance.shuffle(pages)
    damage = chance.choice([bytes(PAGE), chance.randbytes(PAGE)])
    for number in pages:
        content = bytearray(sound)
        content[number * PAGE : number * PAGE + PAGE] = damage
        (tmp_path / "data.mdb").write_bytes(content)
        if lmdb.verify.verify(str(tmp_path)):
            break  # else the page is a free one
    with pytest.raises(DamagedError):
        check_structure(tmp_path / "data.mdb")


def flip_in_a_run(data: Path, place: int, bit: int) -> None:
    """Flip a bit of the header of a run in the middle of the file."""
    content = data.read_bytes()
    runs = [
        at
        for at in range(0, len(content), PAGE)
        if content[at + 10] == RUN_KIND and int.from_bytes(content[at : at + 8], "little") * PAGE == at
    ]
    at = runs[len(runs) // 2] + place
    with data.open("r+b") as file:  # in its place: somebody may have the file in a map
        file.seek(at)
        file.write(bytes([content[at] ^ 1 << bit]))


@pytest.mark.parametrize(
    ("place", "bit"), [pytest.param(12, 5, id="pages"), pytest.param(10, 0, id="kind"), pytest.param(0, 3, id="number")]
)
def test_a_damaged_header_of_a_value_is_put_right(
    filled: Path, tmp_path: Path, place: int, bit: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost by it: neither the value itself nor, when it is evicted, those in the pages behind."""
    directory = tmp_path / "cache"
    shutil.copytree(filled, directory)
    sound = (directory / "data.mdb").read_bytes()
    flip_in_a_run(directory / "data.mdb", place, bit)
    check_structure(directory / "data.mdb")
    assert (directory / "data.mdb").read_bytes() == sound
    assert "1 values of the cache were damaged and are put right" in caplog.text
    done = run("use", directory)
    assert (done.returncode, done.stdout.strip()) == (0, "open read verify stats put evict read close")


def test_a_header_that_goes_bad_meanwhile_is_mended_by_a_restart(filled: Path, tmp_path: Path) -> None:
    """Until then what would free the value's pages fails, and the message says to start again; then all is there."""
    directory = tmp_path / "cache"
    shutil.copytree(filled, directory)
    with closing(FeatureCache(directory, fingerprint=b"f" * 16, dimensions=768, map_bytes=1 << 28)) as cache:
        flip_in_a_run(directory / "data.mdb", 10, 0)
        with pytest.raises(DataLossError, match="start the extractor again") as failed:
            list(cache.evict(EvictionRequest(to_bytes=0)))
        assert failed.value.reason == "CACHE_DAMAGED"
    with closing(FeatureCache(directory, fingerprint=b"f" * 16, dimensions=768, map_bytes=1 << 28)) as cache:
        assert cache.stats().entries == PICTURES
        list(cache.evict(EvictionRequest(to_bytes=0)))
        assert cache.stats().entries_total == 0


def test_a_file_that_ends_before_a_value_is_refused(tmp_path: Path) -> None:
    """After deletions values lie at the end and trees do not: LMDB would end the process when it reads one."""
    data = tmp_path / "data.mdb"
    with lmdb.open(str(tmp_path), max_dbs=1, map_size=1 << 26) as environment:
        database = environment.open_db(b"values")
        for number in range(40):
            with environment.begin(write=True, db=database) as transaction:
                transaction.put(b"%d" % number, bytes(3 * PAGE))
                if number % 2:
                    transaction.delete(b"%d" % (number - 1))
    content = data.read_bytes()
    check_structure(data)
    trees_end = (max(tree_pages(content)) + 1) * PAGE
    assert trees_end < len(content)
    data.write_bytes(content[:trees_end])
    with pytest.raises(DamagedError, match="is cut off"):
        check_structure(data)


def test_a_file_that_cannot_be_read_is_not_called_damaged(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's words are told, and nobody is told to move a sound cache away."""
    directory = tmp_path / "cache"
    shutil.copytree(filled, directory)

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("feature_extractor.cache.environment.check_structure", refuse)
    with pytest.raises(FailedPreconditionError, match="Permission denied") as refused:
        FeatureCache(directory, fingerprint=b"f" * 16, dimensions=768)
    assert refused.value.reason == "CACHE_UNREADABLE"
    assert "move it away" not in refused.value.message


def test_a_refusal_names_the_directory_and_gives_it_up(filled: Path, tmp_path: Path) -> None:
    """A damaged cache is refused with what to do; once it is moved away the directory can be used."""
    data = tmp_path / "data.mdb"
    content = bytearray((filled / "data.mdb").read_bytes())
    for number in tree_pages(bytes(content)):
        content[number * PAGE : number * PAGE + 16] = bytes(16)
    data.write_bytes(content)
    with pytest.raises(FailedPreconditionError, match="move it away") as refused:
        FeatureCache(tmp_path, fingerprint=b"f" * 16, dimensions=768)
    assert refused.value.reason == "CACHE_DAMAGED"
    assert str(tmp_path) in refused.value.message
    data.unlink()
    with closing(FeatureCache(tmp_path, fingerprint=b"f" * 16, dimensions=768)) as cache:
        assert cache.stats().entries_total == 0

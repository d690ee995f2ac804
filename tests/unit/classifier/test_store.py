"""The copy on disk: atomic, verified, swept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from classifier.store import HeadStore
from graft.errors import DataLossError

if TYPE_CHECKING:
    from pathlib import Path


def names(root: Path) -> list[str]:
    """Return the paths of all files under `root`, sorted."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_a_saved_head_is_loaded_again(tmp_path: Path, make_head: Any) -> None:
    """The files lie where the layout says, byte for byte, and nothing else does."""
    files = make_head("faces", 12)
    HeadStore(tmp_path).save(files.listed, files.manifest, files.tensors)
    assert names(tmp_path) == ["faces/12/head.safetensors", "faces/12/manifest.json"]
    assert (tmp_path / "faces/12/manifest.json").read_bytes() == files.manifest
    head = HeadStore(tmp_path).load(files.listed)
    assert head
    assert head.labels == ("ann", "bob", "cat")


def test_what_was_not_saved_is_not_there(tmp_path: Path, make_head: Any) -> None:
    """A version without a copy is None."""
    assert HeadStore(tmp_path).load(make_head().listed) is None


@pytest.mark.parametrize("name", ["manifest.json", "head.safetensors"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_corrupt_copy_is_discarded_with_a_line(
    tmp_path: Path, make_head: Any, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    """A flipped bit, a short file or a missing one: the copy is gone afterwards, and the log names the version."""
    files = make_head("faces", 3)
    store = HeadStore(tmp_path)
    store.save(files.listed, files.manifest, files.tensors)
    path = tmp_path / "faces/3" / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content if damage == "flip" else content[:-1])
    assert store.load(files.listed) is None
    assert not (tmp_path / "faces/3").exists()
    assert "faces version 3" in caplog.text


def test_files_that_are_not_what_was_listed_are_not_kept(tmp_path: Path, make_head: Any) -> None:
    """Another manifest than the listed one is refused, and nothing of it stays."""
    files, other = make_head(version=1), make_head(version=2)
    with pytest.raises(DataLossError, match="listed"):
        HeadStore(tmp_path).save(files.listed, other.manifest, other.tensors)
    assert names(tmp_path) == []


def test_a_version_that_comes_back_with_other_content_replaces_the_copy(tmp_path: Path, make_head: Any) -> None:
    """The same name and number of another trainer take the place of the old files."""
    store = HeadStore(tmp_path)
    for labels in (("a", "b", "c"), ("x", "y", "z")):
        files = make_head(labels=labels)
        store.save(files.listed, files.manifest, files.tensors)
        head = store.load(files.listed)
        assert head
        assert head.labels == labels


def test_leftovers_of_a_kill_are_removed(tmp_path: Path, make_head: Any) -> None:
    """Half-written copies and records vanish at the next start; whole copies stay."""
    files = make_head()
    HeadStore(tmp_path).save(files.listed, files.manifest, files.tensors)
    (tmp_path / "_new-abc").mkdir()
    (tmp_path / "_new-abc" / "manifest.json").write_bytes(b"half")
    (tmp_path / "_new-def").write_bytes(b"half")
    (tmp_path / "_old-ghi" / "copy").mkdir(parents=True)
    HeadStore(tmp_path)
    assert names(tmp_path) == ["faces/1/head.safetensors", "faces/1/manifest.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_the_record_of_what_is_served_is_read_again(tmp_path: Path, make_head: Any) -> None:
    """Every field survives; the last record is the one that counts."""
    listed = [make_head("faces", 2, ("candidate", "production")).listed, make_head("roses", 1).listed]
    store = HeadStore(tmp_path)
    store.write_state([])
    store.write_state(listed)
    assert HeadStore(tmp_path).read_state() == listed
    assert names(tmp_path) == ["_served.json"]


def test_without_a_record_nothing_was_served(tmp_path: Path) -> None:
    """A new home starts empty."""
    assert HeadStore(tmp_path / "new").read_state() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"heads": [{}]}',
        b'{"heads": 3}',
        b'{"heads": [{"classifier": "../up", "version": 1, "aliases": [], "manifest_sha256": ""}]}',
    ],
)
def test_a_record_that_cannot_be_read_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    """Nothing is served from it, a path out of the directory least of all, and the log says so."""
    (tmp_path / "_served.json").write_bytes(content)
    assert HeadStore(tmp_path).read_state() == []
    assert "_served.json" in caplog.text


def test_copies_that_are_no_longer_served_are_removed(tmp_path: Path, make_head: Any) -> None:
    """Other versions go, and folders of classifiers without any."""
    store = HeadStore(tmp_path)
    kept, old, other = make_head("faces", 2), make_head("faces", 1), make_head("roses", 1)
    for files in (kept, old, other):
        store.save(files.listed, files.manifest, files.tensors)
    store.write_state([kept.listed])
    store.keep_only([kept.listed])
    assert names(tmp_path) == ["_served.json", "faces/2/head.safetensors", "faces/2/manifest.json"]
    assert not (tmp_path / "roses").exists()

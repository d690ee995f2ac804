"""Pages of a mapped file, mapped before anybody looks at them."""

from __future__ import annotations

import mmap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from feature_extractor.cache import mapped_pages
from feature_extractor.cache.mapped_pages import MappedPages, address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE = mmap.PAGESIZE
_PAGES = 512

pytestmark = pytest.mark.skipif(not hasattr(mmap, "MAP_POPULATE"), reason="of Linux alone")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of 64 pages, four at once."""
    monkeypatch.setattr(mapped_pages, "_PIECE_BYTES", 64 * _PAGE)
    monkeypatch.setattr(mapped_pages, "_AT_ONCE_BYTES", 256 * _PAGE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of so many pages."""
    path = tmp_path / "a file with blanks in its name"
    path.write_bytes(b"x" * (_PAGES * _PAGE))
    return path


@pytest.fixture
def view(path: Path) -> Iterator[mmap.mmap]:
    """The file, mapped."""
    with path.open("rb") as file, closing(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)) as view:
        yield view


def resident_bytes(path: Path) -> int:
    """How much of the file is in this process's page table."""
    maps = Path("/proc/self/smaps").read_text()
    return int(maps[maps.index(str(path)) :].split("Rss:")[1].split()[0]) * 1024


def test_what_is_mapped_needs_no_look_before(path: Path, view: mmap.mmap) -> None:
    """Every page is in the page table; without that, none is."""
    pages = MappedPages(path)
    assert resident_bytes(path) == 0
    pages.advance()
    assert pages.mapped_bytes == len(view) // 2
    assert resident_bytes(path) >= pages.mapped_bytes  # the kernel may keep pages together, and map them together
    pages.advance()
    assert pages.mapped_bytes == len(view)
    assert resident_bytes(path) == len(view)


def test_no_more_is_mapped_than_allowed(path: Path, view: mmap.mmap) -> None:
    """Whole pieces up to the limit."""
    pages = MappedPages(path, limit_bytes=len(view) // 2 + _PAGE)
    pages.advance()
    pages.advance()
    assert pages.mapped_bytes == len(view) // 2


def test_what_comes_later_is_mapped_later(tmp_path: Path) -> None:
    """LMDB's map is larger than its file, which grows into it."""
    path = tmp_path / "data"
    path.write_bytes(b"x" * (128 * _PAGE))
    with path.open("r+b") as file:
        file.truncate(256 * _PAGE)
        view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        file.truncate(128 * _PAGE)
        pages = MappedPages(path)
        pages.advance()
        assert pages.mapped_bytes == 128 * _PAGE
        file.truncate(256 * _PAGE)
        pages.advance()
        assert pages.mapped_bytes == 256 * _PAGE
        view.close()


def test_a_file_that_is_not_mapped_or_gone_is_left_alone(path: Path) -> None:
    """Nothing is mapped, nothing is raised."""
    assert address_of(path) is None
    pages = MappedPages(path)
    pages.advance()
    path.unlink()
    pages.advance()
    assert pages.mapped_bytes == 0


def test_a_refusal_by_the_kernel_is_the_last(path: Path, view: mmap.mmap, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older kernel does not know the request."""
    asked: list[int] = []

    def refuse(address: int, _: int) -> bool:
        asked.append(address)
        return False

    monkeypatch.setattr(mapped_pages, "_populate", refuse)
    pages = MappedPages(path)
    pages.advance()
    pages.advance()
    assert asked == [address_of(path)]
    assert len(view)

"""Checks the trees of an LMDB file before LMDB opens it, because LMDB ends the process at some kinds of damage.

It reads the file and not a map, and of the file only the pages of the trees, about 90 bytes for each entry, many at a
time: a quarter of a second for a million entries. The values have checksums of their own; of one that has pages to
itself, a run, only the header is read, a microsecond more. (`lmdb.verify`, which looks at everything entry by entry,
takes many times as long; the tests compare with it.)

Checked: each page's number, kind and bounds, and that the file holds it; each entry's place and size; that no page is
used twice, nor both used and free; that there are as many pages and entries as the records of the trees say. The order
of keys is not checked: where it is wrong a key is not found, which is no danger.

Put right: the headers of runs, see value_runs.py.

    meta    at 16: magic u32, version u32, address u64, map size u64, records of the free pages' tree and of the main
            tree, last page u64, transaction u64
    record  page size or 0 u32, flags u16, depth u16, branch, leaf and overflow pages u64, entries u64, root u64
"""

from __future__ import annotations

import logging
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from feature_extractor.cache.page_entries import (
    BIG,
    BRANCH,
    HEADER_BYTES,
    LEAF,
    TREE,
    Bytes,
    DamagedError,
    Numbers,
    PageEntries,
)
from feature_extractor.cache.value_runs import damaged_headers, write_headers

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

_MAGIC = 0xBEEFC0DE
_METAS = 2
_META_BYTES = 152
_RECORDS = 40  # where they begin in a meta page
_RECORD = struct.Struct("<4xHHQQQQQ")
_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 16))
_MAX_DEPTH = 32
_AT_ONCE = 2048  # pages read at once
_WORD_BYTES = 8


class _Tree(NamedTuple):
    flags: int
    depth: int
    branch_pages: int
    leaf_pages: int
    overflow_pages: int
    entries: int
    root: int


def check_structure(path: Path) -> None:
    """Return if LMDB can use the file, or will refuse it by itself because it is no LMDB file at all.

    Damaged headers of runs are put right, if all else is sound; nobody else may have the file open.

    Raises:
        DamagedError: it is an LMDB file, and damaged.
        OSError: it cannot be read, or what must be put right not be written.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        headers = _Checker(file.fileno(), path.stat().st_size).check()
    if headers:
        _log.warning("the headers of %d values of the cache were damaged and are put right", len(headers))
        write_headers(path, headers)


class _Checker:
    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self._size = size
        self._page_bytes = 0
        self._seen = np.zeros(0, np.bool_)  # for each page whether it is used or free
        self._runs: list[tuple[Numbers, Numbers]] = []  # first pages and lengths

    def check(self) -> dict[int, bytes]:
        """Walk over all trees; what damaged headers of runs should be, by their places."""
        first = self._meta(0)
        if first is None:
            return {}
        self._page_bytes = int.from_bytes(first[_RECORDS : _RECORDS + 4], "little")
        if self._page_bytes not in _PAGE_SIZES:
            raise DamagedError(f"pages of {self._page_bytes} bytes")
        second = self._meta(self._page_bytes)
        if second is None:
            return {}
        # As LMDB does: the later transaction, the first page if they are equal.
        meta = max(first, second, key=lambda meta: int.from_bytes(meta[-_WORD_BYTES:], "little"))
        last = int.from_bytes(meta[-2 * _WORD_BYTES : -_WORD_BYTES], "little")
        # The file may end before the last page, if that was given back by the transaction that took it.
        if last >= 2 * self._size:
            raise DamagedError(f"the last page is {last} in a file of {self._size} bytes")
        self._seen = np.zeros(last + 1, np.bool_)
        self._seen[:_METAS] = True
        free, main = (_Tree(*_RECORD.unpack_from(meta, _RECORDS + n * _RECORD.size)) for n in range(2))
        free_lists = self._walk(free, keep=True)
        for flags, record in self._walk(main, keep=True):
            if flags != TREE or len(record) != _RECORD.size:
                raise DamagedError("the list of databases holds something else")
            tree = _Tree(*_RECORD.unpack(record))
            if tree.flags:
                raise DamagedError(f"a database has the flags {tree.flags}")
            self._walk(tree)
        for _, value in free_lists:
            self._mark(_free_pages(value))
        return damaged_headers(self._descriptor, self._page_bytes, self._runs)

    def _meta(self, offset: int) -> bytes | None:
        """The meta page at this offset; None if there is none, which LMDB finds out too."""
        meta = os.pread(self._descriptor, _META_BYTES, offset)
        magic = int.from_bytes(meta[HEADER_BYTES : HEADER_BYTES + 4], "little")
        return meta if len(meta) == _META_BYTES and magic == _MAGIC else None

    def _walk(self, tree: _Tree, *, keep: bool = False) -> list[tuple[int, bytes]]:
        """Check a tree, a level after the other; its entries' flags and values, if they are to be kept."""
        if tree.depth > _MAX_DEPTH:
            raise DamagedError(f"a tree is {tree.depth} levels high")
        kept: list[tuple[int, bytes]] = []
        branch_pages = leaf_pages = overflow_pages = entries = 0
        level = np.array([tree.root] if tree.depth else [], np.uint64).astype(np.int64)
        for depth in range(tree.depth):
            kind = LEAF if depth == tree.depth - 1 else BRANCH
            children = [np.empty(0, np.int64)]
            for start in range(0, len(level), _AT_ONCE):
                numbers = level[start : start + _AT_ONCE]
                self._mark_used(numbers)
                page = PageEntries(self._read(numbers), numbers, kind)
                if kind == BRANCH:
                    branch_pages += len(numbers)
                    children.append(page.children())
                    continue
                leaf_pages += len(numbers)
                entries += len(page)
                firsts, lengths = page.runs()
                self._mark_used(_expanded(firsts, lengths, len(self._seen)))
                self._runs.append((firsts, lengths))
                overflow_pages += int(lengths.sum())
                if keep:
                    kept += [(flags, self._value(flags, size, value)) for flags, size, value in page.values()]
            level = np.concatenate(children)
        if (branch_pages, leaf_pages, overflow_pages, entries) != tree[2:6]:
            raise DamagedError(f"a tree of {entries} entries is recorded as one of {tree.entries}, or its pages are")
        return kept

    def _mark_used(self, numbers: Numbers) -> None:
        """Note that these pages are used; the file must hold them, or reading one in the map ends the process."""
        self._mark(numbers)
        if len(numbers) and (int(numbers.max()) + 1) * self._page_bytes > self._size:
            raise DamagedError(f"page {numbers.max()} is cut off")

    def _mark(self, numbers: Numbers) -> None:
        """Note that these pages are used or free, each for one purpose."""
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self._seen):
            raise DamagedError("a page outside the file is in use")
        ordered = np.sort(numbers)
        if self._seen[numbers].any() or (ordered[1:] == ordered[:-1]).any():
            raise DamagedError("a page is used twice")
        self._seen[numbers] = True

    def _read(self, numbers: Numbers) -> Bytes:
        """The pages of these numbers, uint8[n, bytes]."""
        pages = np.empty((len(numbers), self._page_bytes), np.uint8)
        for page, number in zip(pages, numbers.tolist(), strict=True):
            if os.preadv(self._descriptor, [page.data], number * self._page_bytes) < self._page_bytes:
                raise DamagedError(f"page {number} is cut off")
        return pages

    def _value(self, flags: int, size: int, value: bytes) -> bytes:
        if flags != BIG:
            return value
        offset = int.from_bytes(value, "little") * self._page_bytes + HEADER_BYTES
        return os.pread(self._descriptor, size, offset)


def _expanded(firsts: Numbers, lengths: Numbers, pages: int) -> Numbers:
    """Every page of runs that begin at `firsts`, int64[sum of lengths]."""
    if len(lengths) and lengths.max() > pages:
        raise DamagedError("a value is longer than the file")
    ends = np.cumsum(lengths)
    within = np.arange(int(lengths.sum())) - np.repeat(ends - lengths, lengths)
    return np.repeat(firsts, lengths) + within


def _free_pages(value: bytes) -> Numbers:
    """A list of free pages: how many u64, then their numbers u64."""
    words = np.frombuffer(value[: len(value) // _WORD_BYTES * _WORD_BYTES], "<u8")
    if len(value) % _WORD_BYTES or not len(words) or words[0] != len(words) - 1:
        raise DamagedError("a list of free pages has another length than it says")
    return words[1:].astype(np.int64)

"""The headers of runs: pages of an LMDB file that one large value has to itself; what they must say, and mending them.

LMDB frees as many pages as the header says, and ends the transaction that meets a run of another kind. But a header
says nothing that the trees do not say too, so that a damaged one can be written anew.

    header  number of the first page u64, pad u16, kind u16, pages u32; then the value
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from feature_extractor.cache.page_entries import Numbers

_HEADER = struct.Struct("<Q2xHL")
_KIND = 4
_AT_ONCE = 2048  # headers read at once


def damaged_headers(descriptor: int, page_bytes: int, runs: Sequence[tuple[Numbers, Numbers]]) -> dict[int, bytes]:
    """What each damaged header should be, by its place in the file in bytes.

    They are read in the order of the file, which is kind to a disk.

    Args:
        descriptor: of the file, which holds all the runs.
        page_bytes: size of a page.
        runs: first pages and numbers of pages, int64[n] each.
    """
    damaged: dict[int, bytes] = {}
    firsts = np.concatenate([np.empty(0, np.int64), *(firsts for firsts, _ in runs)])
    lengths = np.concatenate([np.empty(0, np.int64), *(lengths for _, lengths in runs)])
    order = np.argsort(firsts)
    for start in range(0, len(order), _AT_ONCE):
        part = order[start : start + _AT_ONCE]
        wanted = [
            (first, _KIND, length) for first, length in zip(firsts[part].tolist(), lengths[part].tolist(), strict=True)
        ]
        read = b"".join([os.pread(descriptor, _HEADER.size, first * page_bytes) for first, *_ in wanted])
        for run, found in zip(wanted, _HEADER.iter_unpack(read), strict=True):
            if found != run:
                damaged[run[0] * page_bytes] = _HEADER.pack(*run)
    return damaged


def write_headers(path: Path, headers: Mapping[int, bytes]) -> None:
    """Write headers at their places, and sync them.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("r+b") as file:
        for place, header in headers.items():
            os.pwrite(file.fileno(), header, place)
        os.fsync(file.fileno())

"""When the vectors of one fingerprint were last used: a time for each of 2^20 slots, so that a read writes nothing.

A slot is the first 20 bits of a digest: all views of a picture share it. Up to about a million pictures nearly each has
a slot of its own; beyond, pictures that share a slot share the time of the one used last.

file    CRC-32C over fingerprint and body behind the body: complete(1) + uint32[2^20] little-endian
0       nothing is in the slot, or, while the table is not complete, something of unknown age may be
1       something of unknown age is in the slot: older than all else
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from feature_extractor.cache.records import seal, unseal
from graft.durable_files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)

SLOT_BITS = 20
SLOTS = 1 << SLOT_BITS
UNKNOWN_AGE = 1
_HEAD_BITS = 32
_HEAD_BYTES = 4
_STORED = np.dtype("<u4")

Slots = npt.NDArray[np.uint32]
Seconds = npt.NDArray[np.uint32]


def slots_of(keys: Sequence[bytes]) -> Slots:
    """The slot of each key, which begins with its digest: uint32[n]."""
    heads = np.frombuffer(b"".join([key[:_HEAD_BYTES] for key in keys]), dtype=">u4")
    return (heads >> np.uint32(_HEAD_BITS - SLOT_BITS)).astype(np.uint32)


def heads_of(slot: int) -> tuple[bytes, bytes]:
    """The first four bytes of the smallest and of the largest digest of a slot."""
    width = _HEAD_BITS - SLOT_BITS
    first = slot << width
    return first.to_bytes(_HEAD_BYTES, "big"), (first | (1 << width) - 1).to_bytes(_HEAD_BYTES, "big")


class LastUse:
    """The table of one fingerprint; every method may be called from any thread, `save` from one at a time.

    Args:
        path: the file; if it is missing or damaged the table begins empty and incomplete.
        fingerprint: 16 raw bytes.

    Attributes:
        complete: every slot that holds something is above 0. Not so after a kill, or without a file: then the keys
            must be gone through (`mark_unknown`) before the oldest can be told.
    """

    def __init__(self, path: Path, fingerprint: bytes) -> None:
        self._path = path
        self._fingerprint = fingerprint
        # Invariant: _seconds and _changed are touched only under _lock.
        self._lock = threading.Lock()
        self._seconds, self.complete = _load(path, fingerprint)
        self._newest = int(self._seconds.max())
        self._changed = False

    @property
    def newest(self) -> int | None:
        """The last use of any, in seconds since 1970; None if it is not known."""
        return self._newest if self._newest > UNKNOWN_AGE else None

    def open(self) -> None:
        """The table is about to change: after a kill its file must not pass for complete."""
        if not self.complete:
            return
        try:
            self.save(complete=False, always=True)
        except OSError as error:
            _log.warning("%s cannot be written (%s): it is deleted", self._path, error)
            self._path.unlink()

    def touch(self, keys: Sequence[bytes], now_s: int) -> None:
        """These were used now."""
        if not keys:
            return
        slots = slots_of(keys)
        with self._lock:
            self._seconds[slots] = now_s
            self._newest = max(self._newest, now_s)
            self._changed = True

    def mark_unknown(self, slots: Slots) -> None:
        """Something is in these slots."""
        with self._lock:
            self._seconds[slots] = np.maximum(self._seconds[slots], UNKNOWN_AGE)
            self._changed = True

    def oldest(self, count: int, before_s: int) -> tuple[Slots, Seconds]:
        """At most `count` slots that hold something last used before `before_s`, the oldest first, and their times."""
        with self._lock:
            seconds = self._seconds.copy()
        slots = np.flatnonzero((seconds > 0) & (seconds < before_s))
        if len(slots) > count:
            slots = slots[np.argpartition(seconds[slots], count - 1)[:count]]
        slots = slots[np.argsort(seconds[slots], kind="stable")]
        return slots.astype(np.uint32), seconds[slots]

    def is_as_old(self, slot: int, seconds: int) -> bool:
        """Whether the slot has not been used since that time."""
        with self._lock:
            return int(self._seconds[slot]) == seconds

    def empty(self, slot: int) -> None:
        """Nothing is in this slot any more."""
        with self._lock:
            self._seconds[slot] = 0
            self._changed = True

    def restore(self, slot: int, seconds: int) -> None:
        """Something of that time is in this slot after all."""
        with self._lock:
            self._seconds[slot] = max(int(self._seconds[slot]), seconds)

    def save(self, *, complete: bool, always: bool = False) -> None:
        """Write the file if the table changed since it was written, or `always`.

        Raises:
            OSError: the disk is full or broken; the old file is as it was.
        """
        with self._lock:
            if not self._changed and not always:
                return
            body = bytes([complete]) + self._seconds.astype(_STORED, copy=False).tobytes()
            self._changed = False
        try:
            replace_file(self._path, seal(self._fingerprint, body))
        except OSError:
            with self._lock:
                self._changed = True
            raise


def _load(path: Path, fingerprint: bytes) -> tuple[Seconds, bool]:
    try:
        body = unseal(fingerprint, path.read_bytes())
    except FileNotFoundError:
        return np.zeros(SLOTS, np.uint32), False
    except OSError as error:
        _log.warning("%s cannot be read (%s): the age of what is cached is unknown", path, error)
        return np.zeros(SLOTS, np.uint32), False
    if body is None or len(body) != 1 + SLOTS * _STORED.itemsize:
        _log.warning("%s is damaged: the age of what is cached is unknown", path)
        return np.zeros(SLOTS, np.uint32), False
    return np.frombuffer(body, dtype=_STORED, offset=1).astype(np.uint32), body[0] == 1

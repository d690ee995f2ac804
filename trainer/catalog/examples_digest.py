"""The digest of a dataset: the same examples in the same parts give the same one, whatever their order and sources."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def digest_of(examples: Iterable[tuple[bytes, str, str]]) -> bytes:
    """Return SHA-256 over examples (digest, label, part), which come sorted by digest, then label by code point.

    Each goes in as its digest (32 bytes), the length of its label in UTF-8 (4 bytes, big-endian), the label, and the
    part's name in ASCII with a zero byte after it.
    """
    total = hashlib.sha256()
    for digest, label, part in examples:
        text = label.encode()
        total.update(digest + len(text).to_bytes(4, "big") + text + part.encode() + b"\0")
    return total.digest()

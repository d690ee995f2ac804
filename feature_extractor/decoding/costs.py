"""Refuses files that are small and would keep a decoder busy out of all proportion, before any decoder sees them."""

from __future__ import annotations

import re

from feature_extractor.decoding.scans import has_more_scans
from graft.errors import InvalidArgumentError

MAX_JPEG_SCANS = 100
"""Progressive pictures have about ten; at the most pixels allowed, each costs a hundredth of a second and more."""

MAX_EXIF_SEGMENTS = 100
"""A picture has one; Pillow joins them one by one, at a cost that grows with the square of their number."""

MAX_TEXT_COMMENTS = 1_000
"""A Netpbm picture written as text has one or two; Pillow takes them out one by one, at a cost that grows likewise."""

_JPEG = b"\xff\xd8\xff"
_TEXT_NETPBM = re.compile(rb"P[123]\s")


def check_costs(content: bytes) -> None:
    """Check a picture's bytes as received.

    Raises:
        InvalidArgumentError: CORRUPT_IMAGE, decoding would take an unreasonable time.
    """
    if content.startswith(_JPEG):
        if has_more_scans(content, MAX_JPEG_SCANS):
            raise _refusal("JPEG", MAX_JPEG_SCANS, "scans")
        if content.count(b"Exif\0\0") > MAX_EXIF_SEGMENTS:
            raise _refusal("JPEG", MAX_EXIF_SEGMENTS, "EXIF segments")
    elif _TEXT_NETPBM.match(content) and content.count(b"#") > MAX_TEXT_COMMENTS:
        raise _refusal("PPM", MAX_TEXT_COMMENTS, "comments")


def _refusal(kind: str, most: int, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the {kind} picture has more than {most:,} {what}; save it anew", reason="CORRUPT_IMAGE"
    )

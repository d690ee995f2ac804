"""How many scans a JPEG has: each costs a pass over the whole picture, however few bytes it takes."""

from __future__ import annotations

import re

_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # within a scan 0 is a stuffed byte and D0 to D7 are restarts
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_LOWEST_WITH_LENGTH = 0xC0


def has_more_scans(jpeg: bytes, most: int) -> bool:
    """Whether the first picture of a JPEG stream has more than `most` scans."""
    if jpeg.count(bytes((0xFF, _START_OF_SCAN))) <= most:  # quick, and too high at worst: a thumbnail has scans too
        return False
    scans = 0
    place = 2  # behind the marker that starts the picture
    while (found := _MARKER.search(jpeg, place)) is not None:
        marker = jpeg[found.start() + 1]
        if marker == _END_OF_IMAGE:
            return False
        scans += marker == _START_OF_SCAN
        if scans > most:
            return True
        place = found.end()
        if marker >= _LOWEST_WITH_LENGTH:
            place += int.from_bytes(jpeg[place : place + 2], "big")
    return False

"""How many pictures go into a message: what the client finds a good size, or less if the server takes less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from graft.client.feature_records import Limits

MAX_PICTURES: Final = 64
"""Most pictures in a message, and most vectors, extra views included, that it asks for unless it is one picture."""

MAX_BYTES: Final = 16 * 1024 * 1024
"""A message is not filled past this; a single larger picture has one to itself."""

_ROOM_BYTES: Final = 1024
"""What a picture may take in a message beside its bytes: label, source, framing."""


def image_limit(limits: Limits) -> int:
    """Return how many bytes a picture may have that is sent; a larger one is refused here."""
    return min(limits.max_image_bytes or MAX_BYTES, (limits.max_message_bytes or MAX_BYTES) - _ROOM_BYTES)


def fill_limit(limits: Limits) -> int:
    """Return up to how many bytes of pictures a message is filled; not positive: each has one to itself."""
    return min(MAX_BYTES, (limits.max_message_bytes or 2 * MAX_BYTES) - MAX_PICTURES * _ROOM_BYTES)

"""A picture's digest on the command line."""

from __future__ import annotations

from typing import Final

from graft.errors import InvalidArgumentError

_DIGEST_HEX: Final = 64


def digest_of(text: str) -> bytes:
    """Return the 32 bytes of a digest in hexadecimal.

    Raises:
        InvalidArgumentError: reason INVALID_DIGEST.
    """
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(text) != _DIGEST_HEX or not raw:
        raise InvalidArgumentError(f"{text!r} is not a SHA-256 in 64 hexadecimal digits", reason="INVALID_DIGEST")
    return raw

"""A picture as callers hand it over, a path or bytes: naming, hashing and reading it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from graft.errors import GraftError, InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    from graft.client.records import Part

Picture: TypeAlias = str | os.PathLike[str] | bytes
"""A file's path, or a file's bytes."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
"""What stands in a file's name for bytes that are not UTF-8; the wire cannot carry it."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture to import.

    Attributes:
        label: 1 to 200 characters.
        picture: a path or bytes.
        source: where it came from, for people; empty means the path.
        parts: the parts of the dataset that it may be placed in; empty means any.
        digest: SHA-256 of its bytes, 32 raw bytes, if that is known: the picture is then read only if its vector is not
            cached, and its bytes must have this digest. Empty if it is not known.
    """

    label: str
    picture: Picture
    source: str = ""
    parts: tuple[Part, ...] = ()
    digest: bytes = b""

    @property
    def name(self) -> str:
        """What to call it in reports."""
        return self.source or source_of(self.picture, "")


@dataclass(frozen=True, slots=True)
class Hashed:
    """What is known of a picture after reading it once.

    Attributes:
        item: the picture.
        digest: SHA-256 of its bytes; empty if `error` is set.
        size_bytes: how long it is.
        error: why it could not be read.
    """

    item: LabelledPicture
    digest: bytes
    size_bytes: int
    error: GraftError | None = None


def source_of(picture: Picture, otherwise: str) -> str:
    """Return the picture's path, or `otherwise` if it is bytes."""
    return otherwise if isinstance(picture, bytes) else os.fspath(picture)


def legible(name: str) -> str:
    """Return a file's name as text that UTF-8 can hold: what is not text becomes U+FFFD, the replacement character."""
    return _SURROGATES.sub("\ufffd", name)


def hash_item(item: LabelledPicture) -> Hashed:
    """Return digest and size without keeping the bytes; what cannot be read or labelled carries its error."""
    if _SURROGATES.search(item.label):
        return Hashed(item, b"", 0, _illegible_label(item.label))
    if item.digest:
        return Hashed(item, item.digest, _size_bytes(item.picture))
    if isinstance(item.picture, bytes):
        return Hashed(item, hashlib.sha256(item.picture).digest(), len(item.picture))
    try:
        with Path(item.picture).open("rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            return Hashed(item, digest, file.tell())
    except OSError as error:
        return Hashed(item, b"", 0, unreadable(item.picture, error))


def read_item(item: LabelledPicture, limit_bytes: int) -> bytes | GraftError:
    """Return the bytes of a picture to import, or why they cannot be sent; see `read`."""
    content = read(item.picture, limit_bytes)
    if not item.digest:
        return content
    if isinstance(content, GraftError):
        if content.reason != "UNREADABLE_FILE":
            return content
        return NotFoundError(
            "picture",
            item.name,
            f"its vector is not cached, and its bytes are not there either ({content.message}): say where the pictures "
            "are, or import their folder",
            reason="PICTURE_NOT_FOUND",
        )
    if hashlib.sha256(content).digest() != item.digest:
        return InvalidArgumentError(
            f"{source_of(item.picture, 'the picture')} is not the picture with SHA-256 {item.digest.hex()}, whose "
            "vector is not cached: it was changed, or another one has its name",
            reason="DIGEST_MISMATCH",
        )
    return content


def _size_bytes(picture: Picture) -> int:
    if isinstance(picture, bytes):
        return len(picture)
    try:
        return Path(picture).stat().st_size
    except OSError:
        return 0  # it is missed if its bytes are wanted


def read(picture: Picture, limit_bytes: int) -> bytes | GraftError:
    """Return the picture's bytes, or why they cannot be sent: unreadable, or more than `limit_bytes`."""
    if isinstance(picture, bytes):
        content = picture
    else:
        try:
            with Path(picture).open("rb") as file:
                # One byte more than allowed is enough to know; a file may have grown since it was looked at.
                content = file.read(limit_bytes + 1)
        except OSError as error:
            return unreadable(picture, error)
    if len(content) > limit_bytes:
        return InvalidArgumentError(
            f"{source_of(picture, 'the picture')} is larger than the {limit_bytes} bytes that the server takes",
            reason="IMAGE_TOO_LARGE",
        )
    return content


def unreadable(path: str | os.PathLike[str], error: OSError) -> InvalidArgumentError:
    """Return the error for a file that cannot be read here."""
    return InvalidArgumentError(f"cannot read {os.fspath(path)}: {error.strerror or error}", reason="UNREADABLE_FILE")


def _illegible_label(label: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"label {legible(label)!r} is not UTF-8: give its folder a name that is", reason="INVALID_LABEL"
    )

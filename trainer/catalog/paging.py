"""Page sizes and page tokens of every listing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from graft.errors import InvalidArgumentError, Violation

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a listing; `next_token` asks for those after them and is empty at the end."""

    items: tuple[T, ...]
    next_token: str


def check_page_size(page_size: int) -> int:
    """Return the page size to use: 0 means 100, more than 1000 means 1000.

    Raises:
        InvalidArgumentError: it is negative.
    """
    if page_size < 0:
        raise InvalidArgumentError(
            f"page_size is {page_size}: it must be 0 (for {DEFAULT_PAGE_SIZE}) or more",
            violations=(Violation("page_size", "must not be negative"),),
        )
    return min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


# The longest key, a label of 200 escaped characters and a digest, makes a token of some 3,400.
_MAX_TOKEN_CHARACTERS = 4096
_INTEGERS = range(-(2**63), 2**63)  # what SQLite takes

Key: TypeAlias = "str | int | bytes"


def encode_token(*key: Key) -> str:
    """Return an opaque token for the key of the last item on a page."""
    plain = [{"hex": value.hex()} if isinstance(value, bytes) else value for value in key]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def decode_token(token: str, *kinds: type) -> tuple[Any, ...] | None:
    """Return the key in `token`, of these kinds; None for the empty token, which asks for the first page.

    Raises:
        InvalidArgumentError: reason INVALID_PAGE_TOKEN; this listing never gave it.
    """
    if not token:
        return None
    try:
        key = _read_key(token)
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        key = ()
    if key and tuple(type(value) for value in key) == kinds:
        return key
    raise InvalidArgumentError(
        "page_token is not one that this listing gave: ask for the first page again",
        reason="INVALID_PAGE_TOKEN",
        violations=(Violation("page_token", "unknown token"),),
    )


def _read_key(token: str) -> tuple[Any, ...]:
    """Return the values in a token, which may be anything; the errors of what it is made of are raised."""
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise ValueError("too long")
    plain = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    if not isinstance(plain, list):
        raise TypeError("no list")
    key = tuple(bytes.fromhex(value["hex"]) if isinstance(value, dict) else value for value in plain)
    for value in key:
        if isinstance(value, str):
            value.encode()  # a lone surrogate is refused here
        elif isinstance(value, int) and value not in _INTEGERS:
            raise ValueError("too large")
    return key


def page_of(rows: list[T], page_size: int, tokens: list[str]) -> Page[T]:
    """Return a page of `rows`, which were asked for with one more than `page_size`; `tokens` are theirs."""
    if len(rows) <= page_size:
        return Page(tuple(rows), "")
    return Page(tuple(rows[:page_size]), tokens[page_size - 1])

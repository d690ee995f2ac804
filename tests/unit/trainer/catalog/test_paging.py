"""Page tokens: what a listing gave is read back, whatever else is refused."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from graft.errors import InvalidArgumentError
from trainer.catalog.paging import decode_token, encode_token

if TYPE_CHECKING:
    from trainer.catalog.examples import ExampleStore


@pytest.mark.parametrize("key", [(7,), (2**63 - 1,), ("faces",), ("猫" * 200, b"\xff" * 32), ("😀" * 200, b"\0" * 32)])
def test_a_token_comes_back(key: tuple[str | int | bytes, ...]) -> None:
    """The key of any item can be read from its token."""
    assert decode_token(encode_token(*key), *(type(value) for value in key)) == key


@pytest.mark.parametrize(
    "text",
    [
        f"[{10**30}]",
        f"[-{10**30}]",
        '["\\ud800"]',
        "[" * 100_000,
        "[" * 3000,
        '{"a":1}',
        '"a"',
        "[]",
        "[true]",
        "[{}]",
    ],
)
@pytest.mark.parametrize("kind", [int, str, bytes])
def test_made_up_tokens_are_refused(text: str, kind: type) -> None:
    """Whatever a caller makes up is a wrong argument, never a fault."""
    with pytest.raises(InvalidArgumentError) as caught:
        decode_token(base64.urlsafe_b64encode(text.encode()).decode(), kind)
    assert caught.value.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize("token", ["a", "é", "====", "bm8"])
def test_what_is_no_base64_is_refused(examples: ExampleStore, faces: str, token: str) -> None:
    """A listing refuses such a token too."""
    with pytest.raises(InvalidArgumentError) as caught:
        examples.list_page(faces, page_token=token)
    assert caught.value.reason == "INVALID_PAGE_TOKEN"

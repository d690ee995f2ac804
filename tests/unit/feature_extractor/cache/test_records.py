"""The seal on stored values: what goes in comes out, and nothing damaged does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feature_extractor.cache.records import CRC_BYTES, Entry, is_sound, seal, unseal

KEYS = st.sampled_from((32, 48, 56)).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@given(key=KEYS, body=st.binary(max_size=200), cut=st.integers(1, 204))
def test_bytes_are_sealed_and_a_truncated_value_is_refused(key: bytes, body: bytes, cut: int) -> None:
    """A sealed body unseals to itself; a value that lost its end does not."""
    value = seal(key, body)
    assert len(value) == len(body) + CRC_BYTES
    assert unseal(key, value) == body
    assert unseal(key, value[: max(len(value) - cut, 0)]) is None


@given(key=KEYS, body=st.binary(max_size=200), data=st.data())
def test_any_flipped_bit_is_found(key: bytes, body: bytes, data: st.DataObject) -> None:
    """A value with a bit flipped anywhere, checksum included, is not unsealed, nor is one under a changed key."""
    value = bytearray(seal(key, body))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    assert not is_sound(key, bytes(value))
    changed = bytearray(key)
    changed[bit % len(key)] ^= 1
    assert not is_sound(bytes(changed), seal(key, body))


@given(key=KEYS, other=KEYS, body=st.binary(max_size=20))
def test_a_value_is_good_under_its_own_key_only(key: bytes, other: bytes, body: bytes) -> None:
    """An intact value found under another key is not unsealed."""
    assert is_sound(other, seal(key, body)) == (key == other)


def test_the_checksum_is_castagnolis() -> None:
    """The stored four bytes are CRC-32C, little-endian: the check value of the polynomial is 0xE3069283."""
    assert seal(b"1234", b"56789")[-CRC_BYTES:] == bytes.fromhex("839206e3")


def test_an_entry_of_a_view_knows_its_pictures_digest() -> None:
    """The digest is the first 32 bytes of the key; a picture's own key is its digest."""
    picture, vector = bytes(range(32)), np.zeros(1, np.float32)
    assert Entry(picture, vector).digest == picture
    assert Entry(picture + b"a view's", vector).digest == picture

"""The value codec: what goes in comes out, and nothing damaged does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from feature_extractor.records import CRC_BYTES, Vector, pack_vector, seal, unpack_vector, unseal

KEYS = st.binary(min_size=48, max_size=48)
VECTORS = hnp.arrays(np.float32, st.integers(1, 64), elements=st.floats(width=32, allow_nan=False))


@given(key=KEYS, vector=VECTORS)
def test_a_packed_vector_comes_back_bit_for_bit(key: bytes, vector: Vector) -> None:
    """A packed vector unpacks to the same float32 numbers, read-only."""
    unpacked = unpack_vector(key, pack_vector(key, vector), len(vector))
    assert unpacked is not None
    assert unpacked.dtype == np.float32
    assert unpacked.tobytes() == vector.tobytes()
    assert not unpacked.flags.writeable


@given(key=KEYS, vector=VECTORS, data=st.data())
def test_any_flipped_bit_is_found(key: bytes, vector: Vector, data: st.DataObject) -> None:
    """A value with one bit flipped anywhere, checksum included, is not unpacked."""
    value = bytearray(pack_vector(key, vector))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    assert unpack_vector(key, bytes(value), len(vector)) is None


@given(key=KEYS, other=KEYS, vector=VECTORS)
def test_a_value_is_good_under_its_own_key_only(key: bytes, other: bytes, vector: Vector) -> None:
    """An intact value found under another picture's key is not served."""
    unpacked = unpack_vector(other, pack_vector(key, vector), len(vector))
    assert (unpacked is not None) == (key == other)


@given(key=KEYS, vector=VECTORS)
def test_a_value_of_another_length_is_refused(key: bytes, vector: Vector) -> None:
    """A vector of other dimensions is not served, although its checksum holds."""
    assert unpack_vector(key, pack_vector(key, vector), len(vector) + 1) is None


@given(key=KEYS, body=st.binary(max_size=200), cut=st.integers(1, 204))
def test_bytes_are_sealed_and_a_truncated_value_is_refused(key: bytes, body: bytes, cut: int) -> None:
    """A sealed body unseals to itself; a value that lost its end does not."""
    value = seal(key, body)
    assert len(value) == len(body) + CRC_BYTES
    assert unseal(key, value) == body
    assert unseal(key, value[: max(len(value) - cut, 0)]) is None


def test_the_checksum_is_castagnolis() -> None:
    """The stored four bytes are CRC-32C, little-endian: the check value of the polynomial is 0xE3069283."""
    assert seal(b"1234", b"56789")[-CRC_BYTES:] == bytes.fromhex("839206e3")

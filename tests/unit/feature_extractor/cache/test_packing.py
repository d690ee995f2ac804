"""The bytes of stored vectors: bit for bit what was put, in fewer pages where that is possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from feature_extractor.cache.packing import (
    folded_values,
    is_vector,
    pack_vector,
    related_lengths,
    stored_lengths,
    unpack_vectors,
)
from feature_extractor.cache.records import CRC_BYTES, Vector, seal

KEY = b"k" * 48
# Lengths that are stored raw, and lengths of which the end is folded: a page is 4096 bytes.
DIMENSIONS = st.one_of(st.integers(1, 64), st.sampled_from((768, 1020, 1024, 1280, 2043, 2044, 2048, 3072)))
FOLDING = st.sampled_from((1020, 1024, 2044, 2048, 3072))


def vectors(dimensions: st.SearchStrategy[int]) -> st.SearchStrategy[Vector]:
    """Any bits that a float32 can have, negative numbers, infinities and NaN among them."""
    return hnp.arrays(np.uint32, dimensions).map(lambda words: words.view(np.float32))


def pages(value: bytes) -> int:
    """Pages that LMDB gives a value that is too long to share one."""
    return -(-(16 + len(value)) // 4096)


@given(vector=vectors(DIMENSIONS))
def test_any_vector_comes_back_bit_for_bit(vector: Vector) -> None:
    """A packed vector unpacks to the same float32 bits, read-only, whatever they are."""
    (unpacked,) = unpack_vectors([KEY], [pack_vector(KEY, vector)], len(vector))
    assert unpacked is not None
    assert unpacked.dtype == np.float32
    assert unpacked.tobytes() == vector.tobytes()
    assert not unpacked.flags.writeable


@given(vector=vectors(FOLDING))
def test_a_vector_without_signs_takes_a_page_less_and_comes_back_bit_for_bit(vector: Vector) -> None:
    """What a ReLU and an average give is folded where that saves a page, without losing a bit."""
    positive = (vector.view(np.uint32) & np.uint32(0x7FFFFFFF)).view(np.float32)
    value = pack_vector(KEY, positive)
    assert pages(value) == pages(bytes(4 * len(vector) + CRC_BYTES)) - 1
    (unpacked,) = unpack_vectors([KEY], [value], len(vector))
    assert unpacked is not None
    assert unpacked.tobytes() == positive.tobytes()


@pytest.mark.parametrize(("dimensions", "folded", "stored"), [(768, 0, 3076), (1280, 0, 5124), (2048, 5, 8176)])
def test_the_lengths_of_inceptions_layers(dimensions: int, folded: int, stored: int) -> None:
    """Vectors of 2048 values lose the 20 bytes that need a third page; those of 768 and 1280 are stored raw."""
    assert folded_values(dimensions) == folded
    assert len(pack_vector(KEY, np.ones(dimensions, np.float32))) == stored


@given(dimensions=st.integers(1, 20_000))
def test_folding_saves_a_page_or_is_not_done(dimensions: int) -> None:
    """The two lengths a value may have differ by one page, or are one; the sign bits suffice for what is folded."""
    longest, shortest = max(stored_lengths(dimensions)), min(stored_lengths(dimensions))
    assert pages(bytes(longest)) - pages(bytes(shortest)) == (longest != shortest)
    assert 32 * folded_values(dimensions) <= dimensions - folded_values(dimensions)


@settings(max_examples=30)
@given(many=st.lists(st.tuples(vectors(st.just(2048)), st.booleans()), max_size=12), gap=st.integers(0, 12))
def test_a_batch_keeps_its_order(many: list[tuple[Vector, bool]], gap: int) -> None:
    """Raw, folded, missing and damaged values side by side come out each at its own place."""
    wanted = [np.abs(vector) if positive else vector for vector, positive in many]
    keys = [b"%048d" % index for index in range(len(many))]
    values: list[bytes | None] = [pack_vector(key, vector) for key, vector in zip(keys, wanted, strict=True)]
    if gap < len(values):
        values[gap] = None if gap % 2 else b"damaged"
    for index, vector in enumerate(unpack_vectors(keys, values, 2048)):
        if index == gap:
            assert vector is None
        else:
            assert vector is not None
            assert vector.tobytes() == wanted[index].tobytes()


@given(vector=vectors(DIMENSIONS), positive=st.booleans(), data=st.data())
def test_any_flipped_bit_is_found(vector: Vector, positive: bool, data: st.DataObject) -> None:  # noqa: FBT001  # drawn
    """A value with one bit flipped anywhere, the folded sign bits included, is not unpacked."""
    value = bytearray(pack_vector(KEY, np.abs(vector) if positive else vector))
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    value[bit // 8] ^= 1 << bit % 8
    assert unpack_vectors([KEY], [bytes(value)], len(vector)) == [None]
    assert not is_vector(KEY, bytes(value), len(vector))


@given(vector=vectors(DIMENSIONS), more=st.integers(1, 40))
def test_a_value_of_another_length_is_refused(vector: Vector, more: int) -> None:
    """A vector of other dimensions is not served, although its checksum holds."""
    (unpacked,) = unpack_vectors([KEY], [seal(KEY, vector.tobytes())], len(vector) + more)
    assert unpacked is None or (4 * len(vector) + CRC_BYTES in stored_lengths(len(vector) + more))


def test_values_that_were_stored_raw_stay_readable() -> None:
    """A vector of 2048 values that is stored as it is, without folding, unpacks too."""
    vector = np.arange(2048, dtype=np.float32)
    (unpacked,) = unpack_vectors([KEY], [seal(KEY, vector.tobytes())], 2048)
    assert unpacked is not None
    assert unpacked.tolist() == vector.tolist()


@given(dimensions=st.integers(1, 5000), number=st.integers(0, 1))
def test_the_lengths_of_siblings_are_told_from_one(dimensions: int, number: int) -> None:
    """From the length of one value, raw or folded, all lengths that vectors of its dimensions may have are known."""
    lengths = sorted(stored_lengths(dimensions))
    assert stored_lengths(dimensions) <= related_lengths(lengths[number % len(lengths)])

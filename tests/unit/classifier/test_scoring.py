"""Vectors in, labels in order out."""

from __future__ import annotations

import numpy as np
import pytest

from classifier.scoring import MAX_VECTORS, most_probable, read_vectors, softmax
from graft.errors import InvalidArgumentError


def test_vectors_are_read_in_order() -> None:
    """Little-endian float32 values, row by row."""
    vectors = np.arange(6, dtype="<f4")
    assert read_vectors(vectors.tobytes(), 3).tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("content", "dimensions", "told"),
    [
        (b"", 3, "0 bytes"),
        (bytes(12), 0, "0 float32"),
        (bytes(13), 3, "13 bytes"),
        (bytes(8), 3, "8 bytes"),
        (bytes(4 * (MAX_VECTORS + 1)), 1, "4097 vectors"),
        (np.array([1, 2, np.nan, 4], "<f4").tobytes(), 2, "vector 1 holds"),
        (np.array([1, np.inf], "<f4").tobytes(), 1, "vector 1 holds"),
        (np.array([1, 2, -np.inf], "<f4").tobytes(), 3, "vector 0 holds"),
    ],
)
def test_what_are_no_vectors_is_refused(content: bytes, dimensions: int, told: str) -> None:
    """The error has the reason of the contract and tells what is wrong."""
    with pytest.raises(InvalidArgumentError, match=told) as caught:
        read_vectors(content, dimensions)
    assert caught.value.reason == "INVALID_VECTORS"


def test_softmax_of_large_logits_is_finite() -> None:
    """Logits that overflow exp give the same as those moved near zero, and rows add up to 1."""
    logits = np.array([[1000, 999, 0], [-1000, -1000, -1000]], np.float32)
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(probabilities[0], softmax(logits[:1] - 999)[0], atol=1e-6)


def test_the_most_probable_come_first_and_equal_ones_keep_their_order() -> None:
    """`top_k` cuts; 0, and more than there are, mean all."""
    probabilities = np.array([[0.25, 0.25, 0.5, 0.0]], np.float32)
    labels = ("a", "b", "c", "d")
    everything = [[("c", 0.5), ("a", 0.25), ("b", 0.25), ("d", 0.0)]]
    assert most_probable(probabilities, labels, 0) == everything
    assert most_probable(probabilities, labels, 9) == everything
    assert most_probable(probabilities, labels, 2) == [everything[0][:2]]

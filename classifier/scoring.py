"""The arithmetic of a head: vectors to probabilities, and the most probable labels first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.errors import InvalidArgumentError, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_VECTORS = 4096
"""Most vectors of one request."""


def read_vectors(content: bytes, dimensions: int) -> NDArray[np.float32]:
    """Return the vectors in `content`: n x dimensions little-endian float32 values, as float32[n, dimensions].

    Raises:
        InvalidArgumentError: reason INVALID_VECTORS: no vector, more than MAX_VECTORS, a part of one, or a value that
            is not finite.
    """
    size = 4 * dimensions
    if size == 0 or not content or len(content) % size:
        raise _invalid(
            "vectors",
            f"vectors hold {len(content)} bytes, which is not one or more vectors of {dimensions} float32 values",
        )
    n = len(content) // size
    if n > MAX_VECTORS:
        raise _invalid("vectors", f"{n} vectors in one request; send at most {MAX_VECTORS}")
    vectors = np.frombuffer(content, dtype="<f4").reshape(n, dimensions)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise _invalid("vectors", f"vector {int(np.argmin(finite))} holds a value that is not finite (NaN or infinite)")
    return vectors


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return exp(x) / Σ exp(x) along the last axis of float32[n, labels].

    The largest logit is taken off first: it cancels in the quotient and keeps exp from overflowing.
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scaled: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return scaled


def most_probable(
    probabilities: NDArray[np.float32], labels: Sequence[str], top_k: int
) -> list[list[tuple[str, float]]]:
    """Return for each row of float32[n, labels] its `top_k` labels with their probabilities; 0 means all.

    The most probable come first; equal ones keep the order of `labels` (a stable sort of the negated values).
    """
    k = top_k or len(labels)
    order = np.argsort(-probabilities, axis=-1, kind="stable")[:, :k]
    chosen = np.take_along_axis(probabilities, order, axis=-1)
    return [
        [(labels[i], p) for i, p in zip(row, values, strict=True)]
        for row, values in zip(order.tolist(), chosen.tolist(), strict=True)
    ]


def _invalid(field: str, message: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="INVALID_VECTORS", violations=(Violation(field, message),))

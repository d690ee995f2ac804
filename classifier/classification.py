"""From a request's vectors to labels: picks the head, compares fingerprints, applies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.scoring import most_probable, read_vectors
from graft.errors import FailedPreconditionError, InvalidArgumentError, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.catalogue import Catalogue, Listed, Served
    from classifier.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """The labels of some vectors.

    Attributes:
        listed: the version that answered.
        rows: for each vector its labels with their probabilities, the most probable first.
        verdicts: for each vector whether they should be believed, and its unknown score; empty if the head cannot tell.
    """

    listed: Listed
    rows: Sequence[Sequence[tuple[str, float]]]
    verdicts: Sequence[tuple[Verdict, float]]


def classify(
    catalogue: Catalogue,
    classifier: str,
    selector: str | int,
    *,
    fingerprint: bytes,
    dimensions: int,
    vectors: bytes,
    top_k: int,
) -> Answer:
    """Label vectors with one head of `catalogue`.

    Args:
        catalogue: what is served.
        classifier: name of the classifier.
        selector: an alias, or a version.
        fingerprint: of the vectors, 16 bytes.
        dimensions: values in each vector.
        vectors: n x dimensions little-endian float32 values.
        top_k: labels to return for each vector, 0 means all.

    Raises:
        NotFoundError: reason HEAD_NOT_FOUND.
        FailedPreconditionError: reason FINGERPRINT_MISMATCH.
        InvalidArgumentError: reason INVALID_VECTORS.
    """
    served = catalogue.find(classifier, selector)
    _check_fingerprint(served, fingerprint)
    head = served.head
    if dimensions != head.dimensions:
        raise _invalid(
            f"vectors of {dimensions} values, but {_name(served.listed)} takes {head.dimensions}", "dimensions"
        )
    rows = read_vectors(vectors, dimensions)
    probabilities = head.probabilities(rows)
    sane = np.isfinite(probabilities).all(axis=1)
    if not sane.all():
        first = int(np.argmin(sane))
        raise _invalid(f"vector {first} holds values so large that {_name(served.listed)} overflows on it", "vectors")
    verdicts: list[tuple[Verdict, float]] = []
    if head.rule:
        found = head.rule.distances(rows)
        told = head.rule.verdicts(found, probabilities.max(axis=1))
        verdicts = list(zip(told, head.rule.scores(found).tolist(), strict=True))
    return Answer(served.listed, most_probable(probabilities, head.labels, top_k), verdicts)


def _check_fingerprint(served: Served, fingerprint: bytes) -> None:
    expected = served.head.fingerprint
    if fingerprint == expected:
        return
    raise FailedPreconditionError(
        f"{_name(served.listed)} was trained on vectors of fingerprint {expected.hex()}, these have"
        f" {fingerprint.hex() or 'none'}: extract them with the trunk of the head, or train a head on them",
        reason="FINGERPRINT_MISMATCH",
        violations=(Violation(_name(served.listed), f"takes fingerprint {expected.hex()}"),),
        metadata={"head_fingerprint": expected.hex(), "vectors_fingerprint": fingerprint.hex()},
    )


def _name(listed: Listed) -> str:
    return f"version {listed.version} of classifier {listed.classifier!r}"


def _invalid(message: str, field: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="INVALID_VECTORS", violations=(Violation(field, message),))

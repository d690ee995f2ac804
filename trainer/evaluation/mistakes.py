"""Which test pictures were called something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.evaluation.arrays import Floats, Labels

MOST_MISTAKES = 500


@dataclass(frozen=True, slots=True)
class Mistake:
    """A test picture with another answer than its label.

    Attributes:
        digest: of the picture, 32 bytes.
        truth: index of its label.
        answer: index of the most probable label.
        probability: of the answer.
        truth_probability: of its own label.
    """

    digest: bytes
    truth: int
    answer: int
    probability: float
    truth_probability: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as evaluation.json holds it."""
        return {
            "digest": self.digest.hex(),
            "truth": self.truth,
            "answer": self.answer,
            "probability": self.probability,
            "truth_probability": self.truth_probability,
        }


def mistakes(
    probabilities: Floats, truth: Labels, digests: Sequence[bytes], most: int = MOST_MISTAKES
) -> tuple[Mistake, ...]:
    """Return the surest wrong answers first, `most` of them at most, for [n, classes] and n digests."""
    if not len(truth):
        return ()
    answers, top = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != truth)
    worst = wrong[np.argsort(-top[wrong], kind="stable")][:most]
    return tuple(
        Mistake(
            digests[row],
            int(truth[row]),
            int(answers[row]),
            float(top[row]),
            float(probabilities[row, truth[row]]),
        )
        for row in worst.tolist()
    )

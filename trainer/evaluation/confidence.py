"""Whether probabilities mean what they say: log loss, Brier score, reliability, expected calibration error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from trainer.evaluation.arrays import Floats, Labels

BINS = 10
_DRAWS, _MOST_DRAWN = 200, 2_000_000  # sets drawn for a mean, and answers in all of them
_LEAST = 1e-12  # a probability that rounds to 0 costs 27.6 nats, not infinitely many


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Examples whose most probable label has about the same probability.

    Attributes:
        examples: how many.
        low: least of their probabilities.
        high: greatest.
        confidence: mean of their probabilities.
        accuracy: share that is right; equal to `confidence` where probabilities mean what they say.
    """

    examples: int
    low: float
    high: float
    confidence: float
    accuracy: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as evaluation.json holds it."""
        return asdict(self)


def log_loss(probabilities: Floats, truth: Labels) -> float:
    """Return the mean of -ln p(true label), in nats, for [n, classes]; 0 without examples."""
    own = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(own, _LEAST)).mean()) if len(truth) else 0.0


def brier_score(probabilities: Floats, truth: Labels) -> float:
    """Return the mean over examples of Σ over classes (p - [true])², 0 to 2 (G. W. Brier, 1950)."""
    if not len(truth):
        return 0.0
    own = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    squares = (probabilities.astype(np.float64) ** 2).sum(axis=1)
    return float((squares - 2 * own + 1).mean())  # Σ (p - t)² = Σ p² - 2 p(true) + 1


def reliability(probabilities: Floats, truth: Labels, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Return the reliability of the most probable label in bins of equal mass: sorted, cut into equal numbers.

    Bins of equal width would leave most of a small set in one bin and the others nearly empty, whose noise then counts.
    """
    top = _most(probabilities)
    right = probabilities.argmax(axis=1) == truth if len(truth) else np.zeros(0, bool)
    order = np.argsort(top, kind="stable")
    return tuple(
        ReliabilityBin(
            len(rows),
            float(top[rows[0]]),
            float(top[rows[-1]]),
            float(top[rows].mean()),
            float(right[rows].mean()),
        )
        for rows in np.array_split(order, bins)
        if len(rows)
    )


def expected_calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """Return Σ examples/n · |accuracy - confidence|, 0 to 1 (Naeini et al., 2015)."""
    examples = sum(each.examples for each in bins)
    return sum(each.examples * abs(each.accuracy - each.confidence) for each in bins) / max(1, examples)


def calibration_error_by_chance(probabilities: Floats, bins: int = BINS) -> float:
    """Return the mean expected calibration error of [n, classes] if each answer were right as often as it says.

    The error is a mean of absolute values, so chance alone keeps it above 0, the more so the fewer examples there are:
    only what exceeds this tells of probabilities that are wrong. By seeded draws; 0 without examples.
    """
    top = np.sort(_most(probabilities))
    if not len(top):
        return 0.0
    draws = max(1, min(_DRAWS, _MOST_DRAWN // len(top)))
    gaps = (np.random.default_rng(0).random((draws, len(top)), np.float32) < top) - top  # [draws, n]
    pieces = np.array_split(gaps, bins, axis=1)
    return float(sum(np.abs(piece.sum(axis=1)) for piece in pieces).mean() / len(top))


def _most(probabilities: Floats) -> Floats:
    """Return the largest probability float64[n] of each row; nothing of no rows."""
    return probabilities.max(axis=1).astype(np.float64) if len(probabilities) else np.zeros(0)

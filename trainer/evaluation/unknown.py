"""The unknown rule of a head, made from its training pictures, and how well it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.evaluation.arrays import in_pieces
from trainer.evaluation.directions import fit_directions
from trainer.evaluation.leaving_out import MOST_ROWS, LeftOut, hold_out, leave_classes_out, sample_rows
from trainer.evaluation.ranking import auroc
from trainer.evaluation.verdict_thresholds import set_thresholds
from trainer.registry.unknown_rule import UnknownRule, distances

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.evaluation.arrays import Floats, Labels, Vectors
    from trainer.evaluation.held_out import HeldOut

_LEAST = 5
"""Held-out pictures of each kind below which no threshold can be set."""


@dataclass(frozen=True, slots=True, eq=False)
class UnknownFindings:
    """A rule and what it was set by.

    Attributes:
        rule: the rule; None if there were too few pictures to set it by.
        left_out: each class that was left out.
        max_probability_aurocs: for each of those how well the calibrated probability tells its pictures apart; empty if
            no picture could be held out.
    """

    rule: UnknownRule | None
    left_out: tuple[LeftOut, ...]
    max_probability_aurocs: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what the manifest holds."""
        known, unknown = (
            _joined([each.known for each in self.left_out]),
            _joined([each.unknown for each in self.left_out]),
        )
        aurocs = [each.auroc for each in self.left_out]
        return {
            "classes_left_out": len(self.left_out),
            "auroc": float(np.mean(aurocs)) if aurocs else None,
            "max_probability_auroc": float(np.mean(self.max_probability_aurocs))
            if self.max_probability_aurocs
            else None,
            "known_examples": len(known),
            "unknown_examples": len(unknown),
        }

    def findings(self) -> list[dict[str, Any]]:
        """Return what evaluation.json holds: a row for each class left out."""
        plain = self.max_probability_aurocs or (None,) * len(self.left_out)
        return [
            {"label": each.label, "examples": len(each.unknown), "auroc": each.auroc, "max_probability_auroc": other}
            for each, other in zip(self.left_out, plain, strict=True)
        ]


def find_unknown_rule(
    vectors: Vectors,
    labels: Labels,
    rows: Labels,
    classes: int,
    held_out: HeldOut,
    *,
    false_accept_rate: float,
    seed: int,
    look: Callable[[], None],
) -> UnknownFindings:
    """Fit the rule to some pictures and set its thresholds; each class has one among them.

    Args:
        vectors: float32[n, d].
        labels: int[n].
        rows: int[f], the pictures of training and validation.
        classes: number of labels.
        held_out: logits of held-out ones, for the comparison with the probability.
        false_accept_rate: share of unknown pictures that may be called KNOWN.
        seed: of samples and folds.
        look: called between pieces of work of less than a second; it may raise.
    """
    chosen = sample_rows(labels[rows], classes, seed)
    x, y = vectors[rows[chosen]], labels[rows[chosen]]
    left_out = leave_classes_out(x, y, classes, seed, look) if classes > 1 else ()
    known, unknown = _joined([each.known for each in left_out]), _joined([each.unknown for each in left_out])
    directions = fit_directions(x, y, classes)
    others = np.delete(rows, chosen)
    if directions is not None and len(others) >= MOST_ROWS:
        look()
        usual: Floats = distances(directions, vectors[np.random.default_rng(seed).choice(others, MOST_ROWS, False)])
    else:
        usual = hold_out(x, y, classes, seed, look)
    enough = min(len(known), len(unknown), len(usual)) >= _LEAST
    rule = None
    if directions is not None and enough:
        rule = UnknownRule(directions, set_thresholds(known, unknown, usual, false_accept_rate))
    return UnknownFindings(rule, left_out, _max_probability_aurocs(left_out, held_out))


def verdict_counts(rule: UnknownRule, vectors: Vectors, probabilities: Floats, truth: Labels) -> dict[str, int]:
    """Return how many test pictures get which verdict, and how many of the KNOWN ones are right."""
    if not len(truth):
        return {"known": 0, "known_correct": 0, "uncertain": 0, "unknown": 0}
    found = in_pieces(lambda piece: distances(rule.directions, np.asarray(piece, np.float32)), vectors)
    unknown = ~(found <= rule.thresholds.reject)
    known = (found < rule.thresholds.accept) & (probabilities.max(axis=1) >= rule.thresholds.minimum_probability)
    known &= ~unknown
    right = probabilities.argmax(axis=1) == truth
    return {
        "known": int(known.sum()),
        "known_correct": int((known & right).sum()),
        "uncertain": int((~known & ~unknown).sum()),
        "unknown": int(unknown.sum()),
    }


def _max_probability_aurocs(left_out: tuple[LeftOut, ...], held_out: HeldOut) -> tuple[float, ...]:
    """Return how well 1 - the largest probability tells each left-out class apart, its own output taken away.

    The heads had seen the class, which flatters this number; heads trained without it do worse on real sets.
    """
    truth = held_out.truth
    if not len(truth):
        return ()
    found = []
    for each in left_out:
        others = np.delete(held_out.logits, each.label, axis=1).astype(np.float64)  # [h, classes - 1]
        top = 1 / np.exp(others - others.max(axis=1, keepdims=True)).sum(axis=1)  # [h], the largest probability
        found.append(auroc(-top[truth != each.label], -top[truth == each.label]))
    return tuple(found)


def _joined(pieces: Sequence[Floats]) -> Floats:
    return np.concatenate(pieces) if pieces else np.empty(0, np.float32)

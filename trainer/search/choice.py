"""The choice: an average of the best discriminants and regressions, and a network beside them if it proves its worth.

Why an average and not the best candidate: on some hundred held-out pictures the differences between candidates are
smaller than the chance in them, so that the winner is often only the luckiest. Heads that err in different ways err
less together, and the average of a few of each kind was better than the best one of any kind on most sets; so was an
average with fixed shares than one whose shares were fitted to the held-out pictures (docs/recipes.md). One kind alone
is better where many pictures tell so, and a network helps on larger sets: either is taken only where the held-out loss
falls by more than its standard error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.fitting.discriminant import LEDOIT_WOLF
from trainer.recipes import LdaRecipe, LogisticRecipe, MlpRecipe
from trainer.search.scoring import losses, score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.recipes import Member
    from trainer.search.scoring import Score

DISCRIMINANTS, REGRESSIONS = 2, 2
"""How many of each are averaged; one of each where many pictures tell them apart.

Ledoit and Wolf's shrinkage is always among the two discriminants: it follows from a formula, not from luck.
"""

DISCRIMINANTS_SAY, NETWORK_SAY = 4.0, 3.0
"""What they count in an average, beside the regressions with 1: discriminants err less on few pictures. Of 1.5 to 8 for
the discriminants none was better than another on the mean of 38 sets; 4 falls behind them least where they are best."""

LEAST_GAIN = 1e-3
"""Nats that a change must bring: a member that hardly moves the average can seem to help without fail."""


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """An average of candidates and how it does.

    Attributes:
        members: the candidates.
        factors: of their logits.
        logits: float32[held out, classes], of the average with these factors.
        score: of them.
    """

    members: tuple[Member, ...]
    factors: tuple[float, ...]
    logits: FloatArray
    score: Score


def blends(
    logits: Mapping[Member, FloatArray],
    scores: Mapping[Member, Score],
    labels: RowArray,
    weights: FloatArray,
    *,
    single: bool,
) -> list[Blend]:
    """Return the averages worth a look: that of the linear kinds, each kind alone, all with a network if there is one.

    Args:
        logits: of the candidates that saw every fold, float32[held out, classes].
        scores: theirs.
        labels: int32[held out].
        weights: float32[held out], what each counts.
        single: take one of each kind.
    """

    def ranked(kind: type[Member]) -> list[Member]:
        return sorted((each for each in logits if isinstance(each, kind)), key=lambda each: scores[each].log_loss)

    discriminants, regressions, networks = ranked(LdaRecipe), ranked(LogisticRecipe), ranked(MlpRecipe)
    if not single:
        discriminants.sort(key=_is_not_the_formulas)
    groups: list[list[Member]] = [
        [*discriminants[: 1 if single else DISCRIMINANTS]],
        [*regressions[: 1 if single else REGRESSIONS]],
    ]
    groups = [group for group in groups if group]
    wanted = [(groups, (DISCRIMINANTS_SAY, 1.0)[: len(groups)])]
    if len(groups) > 1:
        wanted += [([group], (1.0,)) for group in groups]
    if networks:
        wanted.append(([*groups, [*networks[:1]]], (*wanted[0][1], NETWORK_SAY)))
    return [_blend(each, say, logits, scores, labels, weights) for each, say in wanted]


def best_of(found: Sequence[Blend], labels: RowArray, weights: FloatArray) -> Blend:
    """Return the first, or a later one whose loss is lower by more than the standard error of the difference."""
    shares = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    best = found[0]
    for other in found[1:]:
        gains = losses(best.logits, labels) - losses(other.logits, labels)  # [held out]
        mean = float(shares @ gains)
        if mean > max(float(np.sqrt((shares**2) @ (gains - mean) ** 2)), LEAST_GAIN):
            best = other
    return best


def _is_not_the_formulas(candidate: Member) -> bool:
    return not (isinstance(candidate, LdaRecipe) and candidate.shrinkage == LEDOIT_WOLF)


def _blend(
    groups: Sequence[Sequence[Member]],
    say: Sequence[float],
    logits: Mapping[Member, FloatArray],
    scores: Mapping[Member, Score],
    labels: RowArray,
    weights: FloatArray,
) -> Blend:
    """Average the groups, each group the average of its members, each member made as sure of itself as it may be."""
    members = tuple(member for group in groups for member in group)
    shares = [
        scores[member].factor * weight / len(group) / sum(say)
        for group, weight in zip(groups, say, strict=True)
        for member in group
    ]
    summed = np.zeros_like(logits[members[0]])
    for member, share in zip(members, shares, strict=True):
        summed += np.float32(share) * logits[member]
    found = score(summed, labels, weights)
    factors = tuple(share * found.factor for share in shares)
    return Blend(members, factors, summed * np.float32(found.factor), found)

"""Successive halving (Jamieson and Talwalkar, 2016): candidates that cost much are first told apart on little."""

from __future__ import annotations

from typing import NamedTuple


class Rung(NamedTuple):
    """One round: how many candidates are in it, and on how many folds each is scored in the end."""

    candidates: int
    folds: int


def rungs(candidates: int, folds: int) -> list[Rung]:
    """Return the rounds: each has half as many candidates as the one before, on a fold more; a last one sees all folds.

    Args:
        candidates: in the first round; 0 makes no round.
        folds: 1 or more.
    """
    planned: list[Rung] = []
    left, seen = candidates, 1
    while left and (not planned or planned[-1].folds < folds):
        planned.append(Rung(left, folds if left == 1 else min(seen, folds)))
        left, seen = max(1, left // 2), seen + 1
    return planned

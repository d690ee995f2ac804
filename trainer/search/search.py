"""The search: linear candidates on every fold, networks by successive halving, then averages of the best."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from trainer.jobs.progress import Phase, Progress
from trainer.recipes import AverageRecipe, MlpRecipe
from trainer.search.candidates import (
    SHRINKAGES,
    lda_candidates,
    logistic_candidates,
    network_candidates,
)
from trainer.search.choice import best_of, blends
from trainer.search.examples import search_examples
from trainer.search.fold_fits import FoldFits
from trainer.search.halving import rungs
from trainer.search.scoring import score
from trainer.search.trials import Outcome, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.fit import TrainingData
    from trainer.recipes import AutoRecipe, Member
    from trainer.search.choice import Blend
    from trainer.search.scoring import Score

_FEW_A_CLASS = 10
"""Pictures: with fewer, held-out scores tell next to nothing of a network, and it would take most of the time."""
_AVERAGES = 3  # both linear kinds, each alone; with networks one more


def search(
    recipe: AutoRecipe,
    data: TrainingData,
    report: Callable[[Progress], None],
    look: Callable[[], None],
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Find what to train on this data.

    Args:
        recipe: the search's settings.
        data: what the head will be fitted to; only the training and validation parts are looked at.
        report: told of each candidate that was scored, with the best score so far; it may raise.
        look: called a few times a second; it may raise.
        clock: tells seconds.
    """
    return _Search(recipe, data, report, look, clock).run()


class _Search:
    """One search."""

    def __init__(
        self,
        recipe: AutoRecipe,
        data: TrainingData,
        report: Callable[[Progress], None],
        look: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._recipe, self._report, self._clock = recipe, report, clock
        self._began = clock()
        self._examples = search_examples(data, recipe.folds, recipe.class_weights, recipe.seed)
        self._fits = FoldFits(self._examples, look)
        pictures = len(np.unique(data.training if data.origins is None else data.origins[data.training]))
        self._regressions = logistic_candidates(recipe, pictures + len(data.validation))
        few = pictures + len(data.validation) < _FEW_A_CLASS * data.classes
        self._networks = [] if few else network_candidates(recipe, pictures + len(data.validation))
        self._rungs = rungs(len(self._networks), self._examples.folds)
        networks = sum(rung.candidates for rung in self._rungs) + bool(self._rungs)  # an average with the best one
        self._expected = len(SHRINKAGES) + len(self._regressions) + networks + _AVERAGES
        self._logits: dict[Member, list[FloatArray]] = {}  # of each candidate, by fold
        self._scores: dict[tuple[Member, int], Score] = {}  # of each candidate on the first so many folds
        self._trials: list[Trial] = []
        self._cut: list[Member] = []

    def run(self) -> Outcome:
        """Do it."""
        examples, recipe = self._examples, self._recipe
        self._try(lda_candidates(recipe), 1, examples.folds)
        if self._in_time(self._regressions):
            self._try(self._regressions, 1, examples.folds)
        self._try_networks()
        chosen = self._choose()
        seconds = self._clock() - self._began
        return Outcome(chosen, tuple(self._trials), tuple(self._cut), len(examples.plain), examples.folds, seconds)

    def _try_networks(self) -> None:
        """Go up the rungs while the best network helps the linear kinds' average."""
        left = list(self._networks)
        for number, rung in enumerate(self._rungs, start=1):
            left = self._tried(left[: rung.candidates], number, rung.folds)
            if not left or self._loss_with(left[0], rung.folds) >= self._loss_with(None, rung.folds):
                self._expected -= sum(each.candidates for each in self._rungs[number:])
                self._expected -= rung.folds < self._examples.folds  # the average with it
                return

    def _tried(self, networks: Sequence[MlpRecipe], rung: int, folds: int) -> list[MlpRecipe]:
        """Score those that there is time for on the first `folds` folds; return them, the best one to average first."""
        done: list[MlpRecipe] = []
        for network in networks:
            if self._in_time([network]):
                self._try([network], rung, folds)
                done.append(network)
        return sorted(done, key=lambda each: self._loss_with(each, folds))

    def _in_time(self, candidates: Sequence[Member]) -> bool:
        """Return whether there is time for these; note them down if not."""
        if self._clock() - self._began < self._recipe.time_budget_s:
            return True
        self._cut += candidates
        return False

    def _try(self, candidates: Sequence[Member], rung: int, folds: int) -> None:
        """Score the candidates on the first `folds` folds. Those of one call share work in each fold."""
        seconds = dict.fromkeys(candidates, 0.0)
        for fold in range(len(self._logits.get(candidates[0], ())), folds):
            for candidate in candidates:
                began = self._clock()
                self._logits.setdefault(candidate, []).append(self._fits.logits(candidate, fold))
                seconds[candidate] += self._clock() - began
        for candidate in candidates:
            self._add(Trial(candidate, rung, folds, self._score(candidate, folds), seconds[candidate]))

    def _add(self, trial: Trial) -> None:
        self._trials.append(trial)
        best = min((each for each in self._trials if each.folds == trial.folds), key=lambda each: each.score.log_loss)
        self._report(
            Progress(
                Phase.SEARCHING,
                len(self._trials),
                max(self._expected, len(self._trials)),
                0,
                None,
                best.score.log_loss,
                best.score.accuracy,
            )
        )

    def _loss_with(self, network: Member | None, folds: int) -> float:
        """Return the loss of the linear kinds' average with this network, or with none, on the first folds."""
        candidates = [each for each in self._logits if each == network or not isinstance(each, MlpRecipe)]
        return self._blends(candidates, folds)[0 if network is None else -1].score.log_loss

    def _choose(self) -> AverageRecipe:
        """Return the best average of those that saw every fold."""
        began, folds = self._clock(), self._examples.folds
        averages = self._blends([each for each, found in self._logits.items() if len(found) == folds], folds)
        for each in averages:
            self._add(Trial(self._recipe_of(each), len(self._rungs) + 1, folds, each.score, self._clock() - began))
        return self._recipe_of(best_of(averages, *self._held_out(folds)))

    def _blends(self, candidates: Sequence[Member], folds: int) -> list[Blend]:
        """Return the averages of candidates by what they say on the first `folds` folds."""
        logits = {each: np.concatenate(self._logits[each][:folds]) for each in candidates}
        scores = {each: self._score(each, folds) for each in candidates}
        return blends(logits, scores, *self._held_out(folds), single=self._examples.folds < self._examples.cut)

    def _score(self, candidate: Member, folds: int) -> Score:
        """Return how a candidate does on the first `folds` folds."""
        key = candidate, folds
        if key not in self._scores:
            self._scores[key] = score(np.concatenate(self._logits[candidate][:folds]), *self._held_out(folds))
        return self._scores[key]

    def _held_out(self, folds: int) -> tuple[RowArray, FloatArray]:
        """Return labels int32[h] and weights float32[h] of the pictures held out in the first `folds` folds."""
        rows = np.concatenate([self._examples.held_out(fold) for fold in range(folds)])
        return self._examples.labels[rows], self._examples.counted[rows]

    def _recipe_of(self, blend: Blend) -> AverageRecipe:
        recipe = self._recipe
        return AverageRecipe(
            blend.members, blend.factors, views=recipe.views, view_seed=recipe.view_seed, seed=recipe.seed
        )

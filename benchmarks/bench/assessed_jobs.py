"""One training job without its services, and what it reports; for benchmarks/evaluation.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.open_sets import OpenSet, renumbered
from trainer import recipes
from trainer.evaluation.assessment import Assessed, Pictures, assess
from trainer.evaluation.held_out import folds_of
from trainer.evaluation.ranking import auroc
from trainer.evaluation.unknown import verdict_counts
from trainer.fitting.fit import TrainingData, fit
from trainer.registry import heads
from trainer.registry.unknown_rule import distances
from trainer.settings import TrainerSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALSE_ACCEPT_RATE: float = TrainerSettings.model_fields["false_accept_rate"].default
_NO_DIGEST = bytes(32)


def job(kind: str, vectors: NDArray[np.float32], labels: NDArray[np.int32], case: OpenSet, seed: int) -> Assessed:
    """Train on the known classes and assess the head, as `trainer.jobs.training` does: nothing sees test or unknown."""
    own, classes = renumbered(labels, case.known), len(case.known)
    data = TrainingData(vectors, own, case.training, case.validation, classes)
    recipe = recipes.from_dict({"kind": kind, "seed": seed})
    fitted = fit(recipe, data, lambda _: None, lambda: False)
    trained = recipes.from_dict(fitted.search["chosen"]) if fitted.search else recipe
    return assess(
        fitted.network,
        Pictures(
            vectors,
            own,
            [_NO_DIGEST] * len(own),
            np.concatenate([case.training, case.validation]),
            case.test,
            classes,
        ),
        lambda training, validation: fit(trained, data.only(training, validation), lambda _: None, lambda: False),
        [],
        folds=folds_of(trained.kind),
        false_accept_rate=FALSE_ACCEPT_RATE,
        seed=seed,
        look=lambda: None,
    )


def calibration(assessed: Assessed) -> dict[str, float]:
    """Return what the job reports of its probabilities on the test part."""
    test, found = assessed.facts["metrics"]["test"], assessed.facts["calibration"]
    names = ("temperature", "calibration_error_before", "calibration_error_after", "log_loss_before", "log_loss_after")
    return {
        "accuracy": test["accuracy"],
        "by_chance": test["calibration_error_by_chance"],
        **{name: found[name] for name in names},
    }


def unknown(
    assessed: Assessed, vectors: NDArray[np.float32], labels: NDArray[np.int32], case: OpenSet
) -> dict[str, Any] | None:
    """Return how the head tells pictures of unknown classes from test pictures; None where it has no rule.

    `auroc` is by the rule's distance and `max_probability_auroc` by the calibrated largest probability of the same
    head; the others are shares of the test pictures and of the unknown ones by verdict.
    """
    rule = assessed.rule
    if rule is None:
        return None
    tested, strange = vectors[case.test], vectors[case.unknown]
    sure, unsure = heads.predict(assessed.network, tested), heads.predict(assessed.network, strange)
    near, far = distances(rule.directions, tested), distances(rule.directions, strange)
    of_known = verdict_counts(rule, tested, sure, renumbered(labels, case.known)[case.test])
    of_unknown = verdict_counts(rule, strange, unsure, np.full(len(strange), -1))
    return {
        "auroc": auroc(near, far),
        "max_probability_auroc": auroc(-sure.max(axis=1), -unsure.max(axis=1)),
        "known_known": of_known["known"] / len(tested),
        "known_right": of_known["known_correct"] / max(1, of_known["known"]),
        "known_unknown": of_known["unknown"] / len(tested),
        "unknown_known": of_unknown["known"] / len(strange),
        "unknown_unknown": of_unknown["unknown"] / len(strange),
    }

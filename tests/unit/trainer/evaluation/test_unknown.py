"""The unknown rule: how it is fitted, set and applied."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.evaluation.directions import fit_directions, shrinkage_of
from trainer.evaluation.held_out import HeldOut
from trainer.evaluation.leaving_out import hold_out, leave_classes_out, sample_rows
from trainer.evaluation.ranking import auroc
from trainer.evaluation.unknown import find_unknown_rule, verdict_counts
from trainer.evaluation.verdict_thresholds import set_thresholds
from trainer.registry.unknown_rule import UnknownRule, distances, unknown_scores

_CLASSES, _DIMENSIONS = 6, 40


def _pictures(classes: int, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors float32[classes · each, 40] around a centre of their class, and labels."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).uniform(0, 4, (20, _DIMENSIONS))[:classes]
    labels = np.repeat(np.arange(classes), each)
    return np.maximum(centres[labels] + rng.normal(0, 0.6, (len(labels), _DIMENSIONS)), 0).astype("f4"), labels


def _nothing() -> None:
    pass


def _rule(classes: int = _CLASSES, each: int = 30) -> UnknownRule:
    vectors, labels = _pictures(classes, each)
    none = HeldOut(np.zeros(0, int), np.zeros((0, classes), "f4"), 0)
    found = find_unknown_rule(
        vectors, labels, np.arange(len(labels)), classes, none, false_accept_rate=0.05, seed=0, look=_nothing
    )
    assert found.rule is not None
    return found.rule


def test_auroc_counts_pairs() -> None:
    """It is the share of pairs in the right order, equal ones half."""
    assert auroc(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert auroc(np.zeros(0), np.ones(3)) == 0.5


@pytest.mark.parametrize("classes", [2, _CLASSES])
def test_pictures_of_another_class_are_told(classes: int) -> None:
    """New pictures of the classes are mostly KNOWN or UNCERTAIN, those of classes never seen mostly UNKNOWN."""
    rule = _rule(classes)
    everything, labels = _pictures(20, 20, seed=9)
    known, unknown = everything[labels < classes], everything[labels >= classes]
    sure = np.full((len(known), 2), [0.9, 0.1])
    counts = verdict_counts(rule, known, sure, np.zeros(len(known), int))
    assert counts["unknown"] <= 0.25 * len(known)
    others = verdict_counts(rule, unknown, np.full((len(unknown), 2), [0.9, 0.1]), np.zeros(len(unknown), int))
    assert others["known"] <= 0.1 * len(unknown)
    assert others["unknown"] >= 0.8 * len(unknown)
    assert auroc(unknown_scores(rule, known), unknown_scores(rule, unknown)) > 0.97


def test_an_improbable_label_is_never_known() -> None:
    """The calibrated probability has its say beside the distance."""
    rule = _rule()
    vectors, labels = _pictures(_CLASSES, 5)
    unsure = np.full((len(vectors), _CLASSES), 1 / _CLASSES)
    assert verdict_counts(rule, vectors, unsure, labels)["known"] == 0


def test_distances_are_as_documented() -> None:
    """The fast formula gives what the one in the text does."""
    vectors, labels = _pictures(3, 12)
    d = fit_directions(vectors, labels, 3)
    assert d is not None
    x = np.sign(vectors) * np.sqrt(np.abs(vectors)) - d.mean
    z = x @ d.projection
    w = z @ d.whitening
    near = ((w[:, None, :] - d.centres) ** 2).sum(axis=2).min(axis=1)
    residual = np.maximum((x**2).sum(axis=1) - (z**2).sum(axis=1), 0) * d.residual_weight
    assert distances(d, vectors) == pytest.approx(near - (w**2) @ d.background + residual, rel=1e-3, abs=1e-2)
    assert d.projection.T @ d.projection == pytest.approx(np.eye(d.projection.shape[1]), abs=1e-4)


def test_few_pictures_are_shrunk_more() -> None:
    """The less is known of how pictures differ, the more directions count alike."""
    assert [shrinkage_of(pictures) for pictures in (10, 100, 150, 300, 4096)] == [0.3, 0.3, 0.2, 0.1, 0.1]


def test_many_dimensions_keep_few_directions() -> None:
    """A rule stays small, and its directions are those of the greatest variance."""
    rng = np.random.default_rng(0)
    strong = rng.normal(0, 3, (900, 5)) @ np.linalg.qr(rng.normal(size=(400, 5)))[0].T
    vectors = ((strong + rng.normal(0, 0.1, (900, 400))) ** 2).astype("f4") + 1
    d = fit_directions(vectors, np.arange(900) % 3, 3)
    assert d is not None
    assert d.projection.shape == (400, 256)


def test_both_ways_find_the_same_directions() -> None:
    """Few vectors are decomposed exactly, many by iteration: the same pictures twice have the same directions."""
    vectors, labels = _pictures(_CLASSES, 60)
    once = fit_directions(vectors, labels, _CLASSES)
    twice = fit_directions(np.tile(vectors, (2, 1)), np.tile(labels, 2), _CLASSES)
    assert once is not None
    assert twice is not None
    assert abs(once.projection.T @ twice.projection)[:5, :5] == pytest.approx(np.eye(5), abs=1e-2)


def test_equal_vectors_give_no_rule() -> None:
    """Where pictures do not differ there is no distance; where classes are copies there is one all the same."""
    assert fit_directions(np.ones((6, 4), "f4"), np.array([0, 0, 0, 1, 1, 1]), 2) is None
    copies = np.repeat(np.eye(3, 4, dtype="f4"), 4, axis=0)
    d = fit_directions(copies, np.repeat(np.arange(3), 4), 3)
    assert d is not None
    assert np.isfinite(distances(d, copies)).all()


def test_values_too_large_score_one() -> None:
    """A vector on which the arithmetic overflows is no known picture."""
    rule = _rule()
    assert unknown_scores(rule, np.full((1, _DIMENSIONS), 3e38, "f4")).tolist() == [1.0]


def test_a_class_left_out_is_not_in_the_rule() -> None:
    """Each class left out gives all its pictures, and the known ones are others that were held out."""
    vectors, labels = _pictures(_CLASSES, 10)
    found = leave_classes_out(vectors, labels, _CLASSES, 0, _nothing)
    assert [each.label for each in found] == list(range(_CLASSES))
    assert all(len(each.unknown) == 10 for each in found)
    assert all(0 < len(each.known) <= 5 * 2 for each in found)
    assert min(each.auroc for each in found) > 0.9


def test_of_many_classes_some_are_left_out() -> None:
    """The number of rules fitted does not grow with the classes."""
    vectors, labels = _pictures(20, 4)
    looks: list[int] = []
    found = leave_classes_out(vectors, labels, 20, 0, lambda: looks.append(1))
    assert len(found) == len(looks) == 8
    assert (found[0].label, found[-1].label) == (0, 19)


def test_half_of_the_pictures_are_held_out() -> None:
    """Each turn holds out a tenth of every class; a class's only picture stays in."""
    vectors, labels = _pictures(3, 100)
    assert len(hold_out(vectors, labels, 3, 0, _nothing)) == pytest.approx(150, abs=3)
    assert len(hold_out(vectors[::100], labels[::100], 3, 0, _nothing)) == 0


def test_of_very_many_pictures_those_left_over_set_the_thresholds() -> None:
    """Known pictures that were not in the sample exceed `reject` as seldom as is stated."""
    vectors, labels = _pictures(_CLASSES, 1600)
    rows = np.arange(9000)
    none = HeldOut(np.zeros(0, int), np.zeros((0, _CLASSES), "f4"), 0)
    rule = find_unknown_rule(vectors, labels, rows, _CLASSES, none, false_accept_rate=0.05, seed=0, look=_nothing).rule
    assert rule is not None
    fresh = distances(rule.directions, vectors[9000:])
    assert (fresh > rule.thresholds.reject).mean() < 0.09


def test_a_sample_keeps_every_class() -> None:
    """Of very many pictures each class gives as many; of few classes' nothing is left out."""
    labels = np.concatenate([np.zeros(50_000, int), np.arange(1, 101).repeat(3)])
    rows = sample_rows(labels, 101, 0)
    assert set(labels[rows]) == set(range(101))
    assert len(rows) == 4096 // 101 + 300
    assert sample_rows(np.zeros(10, int), 1, 0).tolist() == list(range(10))


def test_thresholds_keep_the_stated_rate() -> None:
    """Of the unknown pictures the stated share lies below `accept`; 5 % of the known ones lie above `reject`."""
    rng = np.random.default_rng(0)
    known, unknown = rng.normal(0, 1, 4000).astype("f4"), rng.normal(1.5, 1, 4000).astype("f4")
    found = set_thresholds(known, unknown, known, 0.1)
    assert (unknown < found.accept).mean() == pytest.approx(0.1, abs=0.01)
    assert (known > found.reject).mean() == pytest.approx(0.05, abs=0.01)
    half = 1 / (1 + np.exp(-(found.slope * 0.75 + found.offset)))
    assert half == pytest.approx(0.5, abs=0.03)


def test_thresholds_of_kinds_far_apart_leave_doubt_between() -> None:
    """Where nothing overlaps, what lies between known and unknown is uncertain, and the score stays finite."""
    known, unknown = np.linspace(0, 1, 100), np.linspace(10, 11, 100)
    found = set_thresholds(known, unknown, known, 0.05)
    assert found.accept == pytest.approx(0.95, abs=0.02)
    assert found.accept <= found.reject <= 10
    assert np.isfinite([found.slope, found.offset]).all()
    assert found.slope > 0


def test_distances_of_another_scale_are_carried_over() -> None:
    """A class left out of two changes what distances mean: shares of known pictures say where the limit is."""
    known, unknown, held_out = np.linspace(0, 100, 101), np.linspace(90, 200, 101), np.linspace(0, 1, 101)
    found = set_thresholds(known, unknown, held_out, 0.0)
    assert found.accept == pytest.approx(0.9, abs=0.02)


def test_too_few_pictures_set_no_thresholds() -> None:
    """Without held-out pictures of both kinds there is no rule, rather than a wrong one."""
    vectors, labels = _pictures(3, 1)
    none = HeldOut(np.zeros(0, int), np.zeros((0, 3), "f4"), 0)
    found = find_unknown_rule(
        vectors, labels, np.arange(len(labels)), 3, none, false_accept_rate=0.05, seed=0, look=_nothing
    )
    assert found.rule is None
    assert found.to_dict()["auroc"] is None or found.to_dict()["known_examples"] == 0

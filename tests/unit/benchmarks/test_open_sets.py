"""Splits of known and unknown classes, and the tables that are made of them."""

from __future__ import annotations

import evaluation
import numpy as np
import pytest
from bench.open_sets import few, renumbered, whole, without_each

_LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(6), [40, 30, 20, 20, 10, 10])).astype(np.int32)


def test_a_whole_split_uses_each_row_once() -> None:
    """Training, validation and test are all rows, a fifth for the test, and the next repeat draws otherwise."""
    first, second = whole(_LABELS, 0), whole(_LABELS, 1)
    rows = np.concatenate([first.training, first.validation, first.test])
    assert np.sort(rows).tolist() == list(range(len(_LABELS)))
    assert len(first.test) == len(_LABELS) // 5
    assert len(first.unknown) == 0
    assert first.test.tolist() != second.test.tolist()


def test_a_class_left_out_is_seen_nowhere() -> None:
    """All of its rows are unknown, none is trained on or tested as known, and the classes are spread evenly."""
    cases = without_each(_LABELS, 0, 3)
    assert [sorted(set(range(6)) - set(case.known.tolist())) for case in cases] == [[0], [2], [5]]
    for case, label in zip(cases, (0, 2, 5), strict=True):
        assert case.unknown.tolist() == np.flatnonzero(label == _LABELS).tolist()
        seen = np.concatenate([case.training, case.validation, case.test])
        assert np.sort(seen).tolist() == np.flatnonzero(label != _LABELS).tolist()
        assert case.test.tolist() == [row for row in whole(_LABELS, 0).test if _LABELS[row] != label]


def test_few_classes_have_few_pictures() -> None:
    """So many of each are learnt from, the others of these classes are tested, and a small class keeps a fifth."""
    for draw in range(10):
        case = few(_LABELS, 2, 9, draw)
        learnt = np.concatenate([case.training, case.validation])
        sizes = np.bincount(_LABELS)[case.known]
        assert (
            np.bincount(_LABELS[learnt], minlength=6)[case.known].tolist() == np.minimum(9, sizes - sizes // 5).tolist()
        )
        assert not set(learnt) & set(case.test)
        assert set(_LABELS[case.test]) == set(case.known)
        assert sorted({*case.known.tolist(), *_LABELS[case.unknown].tolist()}) == list(range(6))
    assert few(_LABELS, 2, 9, 0).known.tolist() != few(_LABELS, 2, 9, 1).known.tolist()


def test_known_classes_are_numbered_anew() -> None:
    """A head's index is the place among the known classes; the others have none."""
    assert renumbered(np.array([3, 1, 0, 2], np.int32), np.array([1, 3])).tolist() == [1, 0, -1, -1]


def test_means_leave_out_jobs_without_a_rule_and_count_them() -> None:
    """A job that has no rule changes no mean, and the row says so; without any there is no mean."""
    found = evaluation.means([{"auroc": 0.5}, None, {"auroc": 1.0}], ["auroc"])
    assert found == {"jobs": 3, "without_rule": 1, "auroc": 0.75}
    assert evaluation.means([None], ["auroc"])["auroc"] is None
    row = dict.fromkeys(evaluation.TABLES["few"], 0.5)
    assert "1 without a rule" in evaluation.line("few", "digits 2 x 8", [row, None])
    assert "without" not in evaluation.line("few", "digits 2 x 8", [row])


@pytest.mark.parametrize("table", evaluation.TABLES)
def test_each_number_stands_below_its_heading(table: str) -> None:
    """Heading and row of each table end at the same place."""
    row = dict.fromkeys(evaluation.TABLES[table], 0.5)
    assert len(evaluation.line(table, "faces", [row])) == len(evaluation.header(table)) - 1  # it begins with a break

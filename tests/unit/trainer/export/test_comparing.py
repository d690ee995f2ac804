"""What counts as near enough."""

from __future__ import annotations

import numpy as np
import pytest

from graft.errors import FailedPreconditionError
from trainer.export.comparing import compare, needed


def rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Probabilities of three labels."""
    return np.random.default_rng(0).dirichlet([0.3] * 3, count).astype(np.float32)


def test_differences_are_the_largest_of_any_probability() -> None:
    """Over all pictures and labels, each pair of its own."""
    answers = rows(50)
    pixels, service, raw = answers.copy(), answers.copy(), answers.copy()
    pixels[3, 1] += 5e-5
    service[7, 0] -= 2e-2
    raw[9, 2] += 3e-2
    made = compare(pixels, answers, service, "bfloat16", raw, answers)
    assert made.pixels_difference == pytest.approx(5e-5, rel=1e-2)
    assert made.service_difference == pytest.approx(2e-2, rel=1e-3)
    assert made.bytes_difference == pytest.approx(3e-2, rel=1e-3)
    assert made.pictures == 50


def test_pixels_that_differ_by_more_than_1e_4_are_refused() -> None:
    """The message tells by how much."""
    answers = rows(10)
    with pytest.raises(FailedPreconditionError, match=r"float32 trunk's by 2\.0e-04") as error:
        compare(answers + np.float32(2e-4), answers, None, "bfloat16", None, answers)
    assert error.value.reason == "EXPORT_DIFFERS"


def test_what_is_no_number_is_refused() -> None:
    """NaN is below no bound."""
    answers = rows(10)
    with pytest.raises(FailedPreconditionError):
        compare(answers * np.float32("nan"), answers, None, "float32", None, answers)


@pytest.mark.parametrize(("pictures", "least"), [(1, 1), (19, 19), (20, 19), (50, 49)])
def test_one_label_of_fifty_may_differ(pictures: int, least: int) -> None:
    """Of few pictures none may."""
    assert needed(pictures) == least
    answers = rows(pictures)
    for others in range(3):
        raw = answers.copy()
        raw[:others] = np.roll(answers[:others], 1, axis=1)
        if pictures - min(others, pictures) >= least:
            assert compare(answers, answers, None, "float32", raw, answers).same_labels == pictures - others
        else:
            with pytest.raises(FailedPreconditionError, match=f"first for {pictures - min(others, pictures)} of"):
                compare(answers, answers, None, "float32", raw, answers)

"""Places for pictures under way: who is let in, who waits, who is refused."""

from __future__ import annotations

import pytest

from feature_extractor.admission import Admission


def test_the_impatient_are_refused_when_all_places_are_taken() -> None:
    """try_enter says no at capacity and yes after a leave."""
    admission = Admission(2, 2)
    assert [admission.try_enter() for _ in range(3)] == [True, True, False]
    admission.leave(patient=False)
    assert admission.try_enter()
    assert admission.taken == 2


def test_the_patient_are_let_in_first_come_first_served() -> None:
    """Pictures in line start in their order, one for each place that is freed."""
    admission = Admission(1, 1)
    started: list[int] = []
    for number in range(3):
        admission.enter_in_line(lambda number=number: started.append(number))  # type: ignore[misc]  # binds the loop's value
    assert started == [0]
    assert admission.waiting == 2
    admission.leave(patient=True)
    admission.leave(patient=True)
    assert started == [0, 1, 2]


def test_the_patient_never_take_the_last_places() -> None:
    """However many wait in line, the places beyond their share stay open for those who would be refused."""
    admission = Admission(3, 2)
    started: list[int] = []
    for number in range(5):
        admission.enter_in_line(lambda number=number: started.append(number))  # type: ignore[misc]  # binds the loop's value
    assert started == [0, 1]
    assert admission.try_enter()
    assert not admission.try_enter()
    admission.leave(patient=False)
    assert started == [0, 1]
    admission.leave(patient=True)
    assert started == [0, 1, 2]


def test_a_place_of_the_impatient_goes_to_the_line_too() -> None:
    """A freed place lets the next in line in, whoever held it."""
    admission = Admission(1, 1)
    assert admission.try_enter()
    started: list[int] = []
    admission.enter_in_line(lambda: started.append(1))
    assert started == []
    admission.leave(patient=False)
    assert started == [1]
    assert admission.taken == 1


def test_a_closed_admission_lets_nobody_in_from_the_line() -> None:
    """After close a freed place starts nothing."""
    admission = Admission(1, 1)
    started: list[int] = []
    admission.enter_in_line(lambda: started.append(0))
    admission.enter_in_line(lambda: started.append(1))
    admission.close()
    admission.leave(patient=True)
    assert started == [0]


@pytest.mark.parametrize("share", [0, 3])
def test_a_share_outside_the_places_is_refused(share: int) -> None:
    """The share of the patient is at least one place and at most all."""
    with pytest.raises(ValueError, match="of 2 places"):
        Admission(2, share)

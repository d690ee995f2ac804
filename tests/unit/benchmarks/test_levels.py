"""Whether a soak's last half is level."""

from __future__ import annotations

import pytest
from bench.levels import Sample, halves, level


def samples(rise_mib: float, rise_threads: int = 0) -> list[Sample]:
    """A first half that grows and a last half that rises by so much, with noise that cancels out."""
    found = []
    for step in range(201):
        late = max(step - 100, 0) / 100
        noise = 0.5 if step % 2 else -0.5
        memory = 300.0 + min(step, 100) * 2 + late * rise_mib + noise
        found.append(Sample(step * 500, memory, memory - 100, 20, 12 + round(late * rise_threads)))
    return found


def test_growth_in_the_first_half_alone_is_level() -> None:
    """Caches fill and pools start in the beginning; that is no leak."""
    assert level(samples(rise_mib=0.0))["memory_mib"].startswith("level")


def test_growth_in_the_last_half_is_rising() -> None:
    """Thirty MiB on five hundred over the last half are a leak, and the verdict says how much."""
    verdict = level(samples(rise_mib=30.0))["memory_mib"]
    assert verdict.startswith("RISING (+30")


def test_threads_that_pile_up_are_rising() -> None:
    """Eight more threads in the last half are not level, while descriptors that stay are."""
    found = level(samples(rise_mib=0.0, rise_threads=8))
    assert found["threads"].startswith("RISING")
    assert found["files"].startswith("level")


def test_halves_are_parted_by_requests() -> None:
    """The means of the two halves are told apart at half the requests, however the samples are spread."""
    early, late = halves(
        [Sample(0, 1, 1, 5, 5), Sample(10, 1, 1, 7, 5), Sample(90, 1, 1, 9, 5), Sample(100, 1, 1, 9, 5)]
    )["files"]
    assert (early, late) == (pytest.approx(6.0), pytest.approx(9.0))

"""What the overload is judged by."""

from __future__ import annotations

from typing import Any

import overload


def found(**changes: Any) -> dict[str, Any]:
    """A run that keeps every promise, but for the changes."""
    return {
        "goodput_per_s": 95.0,
        "peak_per_s": 100.0,
        "codes": {"OK": 95, "RESOURCE_EXHAUSTED": 205},
        "refused_ms": {"p50": 1.0, "p99": 5.0, "p100": 20.0},
        "refused_without_retry_info": 0,
        "health_said": {"SERVING": 50},
        "memory_mib": {"start": 400.0, "largest": 450.0, "end": 440.0},
    } | changes


def test_a_run_that_keeps_every_promise_meets_all_bounds() -> None:
    """Five of them, each with a value."""
    assert [each.met for each in overload.judged(found())] == [True] * 5


def test_one_health_check_that_said_otherwise_is_a_miss() -> None:
    """All of them must say SERVING; without any the promise is neither kept nor broken."""
    *_, health = overload.judged(found(health_said={"SERVING": 49, "UNAVAILABLE": 1}))
    assert (health.value, health.met, health.refused) == (0.98, False, "")
    *_, unasked = overload.judged(found(health_said={}))
    assert "not measured" in unasked.refused

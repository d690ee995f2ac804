"""The ratios of a whole run, over made-up figures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from bench.comparisons import comparisons
from bench.figures import Figure, Figures, ratio_line
from bench.sides import Work

NAMES = {"float32": "service, float32", "bfloat16": "service, bfloat16", "int8": "service, int8"}


def setting() -> Any:
    """A run with three precisions and one peer, all of one network."""

    def side(name: str, mark: str, precision: str) -> Any:
        return SimpleNamespace(work=Work(name, mark, precision, "avg_pool", 2048, "nsfwjs" if mark else ""))

    return SimpleNamespace(
        precision="bfloat16",
        services={precision: side(name, precision, precision) for precision, name in NAMES.items()},
        bare={precision: side("bare trunk", precision, precision) for precision in NAMES},
        keras=side("Keras predict", "", "float32"),
        peers={"LitServe": side("LitServe", "", "float32")},
    )


def figures() -> Figures:
    """What such a run might find."""
    found = Figures()
    for precision, (rate, wait) in {"float32": (17.0, 60.0), "bfloat16": (32.0, 36.0), "int8": (64.0, 18.0)}.items():
        found.add(Figure(f"bare trunk, {precision}, batch 16", rate, "pictures/s"))
        found.add(Figure(f"{NAMES[precision]}, 16 callers", rate * 0.95, "pictures/s"))
        found.add(Figure(f"bare trunk, {precision}, decode + network, p50", wait, "ms"))
        found.add(Figure(f"{NAMES[precision]}, 1 caller, p50", wait + 3, "ms"))
    found.add(Figure("Keras predict, batch 32", 14.0, "pictures/s"))
    found.add(Figure("service, float32, stream, 64 a message", 17.0, "pictures/s"))
    found.add(Figure("service, float32, stream, 64 a message, cached", 1700.0, "pictures/s"))
    found.add(Figure("service, bfloat16, LookupFeatures", 30_000.0, "vectors/s"))
    found.add(Figure("LitServe, 16 callers", 10.0, "pictures/s"))
    found.add(Figure("LitServe, 1 caller, p50", 180.0, "ms"))
    return found


WAITS = {"idle_p99_ms": 50.0, "beside_p99_ms": 300.0, "batch_ms": 200.0}


def test_every_promise_is_compared_with_its_figures() -> None:
    """A run that keeps all promises has no ratio refused and none missed, the peers' ratios promising nothing."""
    ratios = {each.what: each for each in comparisons(setting(), figures(), WAITS)}
    assert not [each.what for each in ratios.values() if each.refused]
    assert [each.what for each in ratios.values() if each.bound is not None and not each.met] == []
    assert ratios["service, bfloat16 / LitServe, 16 callers"].value == 3.04
    assert ratios["LitServe / service, bfloat16, 1 caller, p50"].value == 180.0 / 39.0


def test_a_missing_batch_time_refuses_the_interactive_bound() -> None:
    """Without the time of a bulk batch there is no bound, and the line says so."""
    ratio = next(each for each in comparisons(setting(), figures(), {}) if "p99" in each.what)
    assert "refused" in ratio_line(ratio)


def test_what_was_not_measured_keeps_its_line_and_its_bound() -> None:
    """Without an 8-bit trunk its promise is not forgotten, but refused."""
    run = setting()
    del run.services["int8"]
    line = next(ratio_line(each) for each in comparisons(run, figures(), WAITS) if "int8" in each.what)
    assert "≥ 1.60 x" in line
    assert "refused: int8 was not measured" in line


def test_a_faulty_side_refuses_its_own_ratios_alone() -> None:
    """What the bfloat16 service got wrong spoils its ratios; those of float32 stand."""
    run = setting()
    run.services["bfloat16"].work.faults.append("64 pictures were answered, 60 computed")
    refused = {each.what for each in comparisons(run, figures(), WAITS) if each.refused}
    assert "service, bfloat16, 16 callers / bare trunk" in refused
    assert "service, int8 / service, bfloat16, 16 callers" in refused
    assert "service, float32, 16 callers / bare trunk" not in refused


def test_a_refused_ratio_has_no_value() -> None:
    """Nobody shall read a number, in the table or in the report, that may not be told."""
    run = setting()
    run.services["bfloat16"].work.faults.append("64 pictures were answered, 60 computed")
    found = [each.to_json() for each in comparisons(run, figures(), WAITS) if each.refused]
    assert "service, bfloat16, LookupFeatures" in {each["what"] for each in found}
    assert {(each["value"], each["met"]) for each in found} == {(None, None)}

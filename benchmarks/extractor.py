"""The extractor beside Keras `predict`, its own bare trunk, LitServe and BentoML; JSON in var/bench/extractor.json.

Everything is measured in one run, on the same pictures, with the network cut at its pool layer on every side. Sides
that are compared take turns, round after round; whoever is not measured is held. The load generator is a process of
its own; its share of the processors stands beside each figure. A ratio whose two sides did different work is refused.
A missed target is marked, not an error: this is a report. It takes some twelve minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.comparisons import comparisons
from bench.figures import Figures, ratio_line
from bench.homes import new_home
from bench.machine import machine
from bench.phases import (
    cached,
    footprint,
    other_batches,
    other_callers,
    rates_in_turns,
    streams,
    waits_beside_bulk,
    waits_in_turns,
)
from bench.pictures import jpegs_of, photographs, write_jpegs
from bench.processes import end_tidily
from bench.setting_up import BATCH, Setting, set_up

HERE = Path("var/bench")


@dataclass(frozen=True, slots=True)
class Plan:
    """How long everything is measured.

    Attributes:
        rounds: of the sides in turns.
        seconds: of one side in one round; other measurements take multiples of it.
        known: pictures of the cached set.
        batches: of the bare trunks beside those of the comparison.
    """

    rounds: int = 3
    seconds: float = 5.0
    known: int = 256
    batches: tuple[int, ...] = (1, 8, 32)


QUICK = Plan(rounds=1, seconds=2.0, known=64, batches=(1, 32))


def measure(setting: Setting, figures: Figures, plan: Plan) -> dict[str, float]:
    """All measurements, the compared ones first; returns the three values of the interactive bound."""
    rounds, seconds, known = plan.rounds, plan.seconds, plan.known
    print("\npictures a second, new pictures, sides in turns")
    rates_in_turns(figures, setting.sides("16 callers", f"batch {BATCH}"), rounds, seconds)
    print("\none picture at a time, sides in turns")
    waits_in_turns(figures, setting.sides("1 caller, p50", "decode + network, p50"), rounds, seconds / 2)
    main = setting.services[setting.precision]
    print("\nmore of the same")
    other_batches(figures, setting.bare_loops(), plan.batches, seconds * 0.8)
    other_batches(figures, [("Keras predict", setting.keras)], (1,), seconds)
    other_callers(figures, main, seconds)
    for service in setting.services.values():
        streams(figures, service, known, seconds * 1.6)
    cached(figures, main, known, seconds / 2)
    bound = waits_beside_bulk(figures, main, setting.bulk, seconds * 8)
    print("\nwhat it takes")
    footprint(figures, setting.servers())
    return bound


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run of some two minutes; quote no figure of it")
    parser.add_argument("--pictures", type=Path, help="a folder of JPEGs; generated ones of 500 x 375 otherwise")
    parser.add_argument("--weights", default="auto", help="as the extractor's --weights")
    parser.add_argument("--int8", action=argparse.BooleanOptionalAction, default=True, help="the 8-bit trunk too")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="LitServe and BentoML too")
    given = parser.parse_args()
    end_tidily()
    ran_on = machine()
    contents = jpegs_of(given.pictures) if given.pictures else photographs(64 if given.quick else 256)
    pictures_from = given.pictures.resolve().name if given.pictures else "generated, 500 x 375"
    HERE.mkdir(parents=True, exist_ok=True)
    figures = Figures()
    with tempfile.TemporaryDirectory(dir=HERE) as name, ExitStack() as stack:
        folder = Path(name).absolute() / "pictures"
        write_jpegs(contents, folder)
        home = new_home(folder.parent, "base", HERE / "weights")
        setting = set_up(stack, home, folder, given, HERE)
        print(f"{ran_on['processor']}, {ran_on['cores']} cores, load {ran_on['load_before']}")
        print(f"Inception-V3 at {setting.layer}, {setting.reason}; {len(contents)} pictures and variants of them")
        plan = QUICK if given.quick else Plan()
        bound = measure(setting, figures, plan)
        ratios = comparisons(setting, figures, bound)
        left_out, told = setting.left_out, setting.to_json()
    print("\nratios")
    for ratio in ratios:
        print(ratio_line(ratio))
    for what, why in left_out.items():
        print(f"  {what} was left out: {why}")
    report: dict[str, Any] = {
        "machine": ran_on,
        "setting": {**told, **asdict(plan), "pictures_from": pictures_from, "quick": given.quick},
        "pictures": len(contents),
        "figures": figures.to_json(),
        "ratios": [each.to_json() for each in ratios],
        "left_out": left_out,
    }
    (HERE / "extractor.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {HERE / 'extractor.json'}", file=sys.stderr)


if __name__ == "__main__":
    main()

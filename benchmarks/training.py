"""How fast heads are trained; table on the screen, JSON in var/bench/training.json.

The trainer's fit beside the way of the talk's script (a text file for each vector, read and parsed for each batch; a
feed a step) and beside that loop fed from memory: the same network, batches and steps, so that they end with the same
weights, or no ratio is told. Then whole training jobs on a hundred thousand vectors in a hundred classes: from the
snapshot to the version on disk. Vectors are made up.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from bench.dialogue import Worker
from bench.figures import Figure, Figures, ratio_line
from bench.machine import machine
from bench.processes import end_tidily
from bench.targets import Ratio, quotient, within

OUT = Path("var/bench/training.json")
WAYS = {
    "talk": "a text file a vector, a feed a step",
    "memory": "the same loop fed from memory",
    "graft": "the trainer's fit",
}
_FASTER, _LARGE_S, _MEMORY = 10.0, 180.0, 3.0
_SAME = 1e-3  # relative: float32 in another order over so many steps


def side(verb: str, **arguments: Any) -> dict[str, Any]:
    """Ask a process of its own, so that no way finds TensorFlow warm."""
    with Worker(sys.executable, str(Path(__file__).with_name("training_sides.py"))) as worker:
        return worker.ask(verb, **arguments)


def unlike(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Why two ways may not be compared; empty if they did the same."""
    if (one["steps"], one["batch"]) != (other["steps"], other["batch"]):
        return "they did not do the same steps"
    for name in ("norms", "corner"):
        first, second = np.array(one[name]), np.array(other[name])
        if not np.allclose(first, second, rtol=_SAME, atol=_SAME * float(np.abs(first).max())):
            return "they ended with other weights"
    return ""


def judged(found: dict[str, dict[str, Any]], large: dict[str, dict[str, Any]]) -> list[Ratio]:
    """What is promised."""
    graft = found["graft"]
    ratios = [
        quotient(
            f"{WAYS[way]} / {WAYS['graft']}", found[way]["seconds"], graft["seconds"], bound, unlike(found[way], graft)
        )
        for way, bound in (("talk", _FASTER), ("memory", None))
    ]
    for recipe, each in large.items():
        ratios.append(within(f"job on 100,000 vectors, recipe {recipe}", each["seconds"], _LARGE_S, "s"))
        share = each["memory_bytes"] / each["vectors_bytes"]
        ratios.append(within(f"job on 100,000 vectors, recipe {recipe}: memory / vectors", share, _MEMORY, "x"))
    return ratios


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1500, help="gradient steps of each way (default: 1500)")
    parser.add_argument("--large", type=int, default=100_000, help="vectors of the large set; 0 leaves it out")
    parser.add_argument("--recipes", default="mlp,auto", help="recipes for the large set (default: mlp,auto)")
    given = parser.parse_args()
    end_tidily()
    ran_on = machine()
    setting = {"examples": 400, "dimensions": 2048, "classes": 12, "steps": given.steps, "batch": 100}
    print(f"{ran_on['processor']}, {ran_on['cores']} cores, load {ran_on['load_before']}; {setting}")
    figures = Figures()
    found = {}
    for way, what in WAYS.items():
        found[way] = side("ways", way=way, **setting)
        figures.add(Figure(what, 1000 * found[way]["seconds"] / given.steps, "ms a step"))
    large = {}
    for recipe in given.recipes.split(",") if given.large else ():
        large[recipe] = each = side("large", recipe=recipe, examples=given.large, dimensions=768, classes=100)
        taken, vectors = (each[name] / 2**20 for name in ("memory_bytes", "vectors_bytes"))
        evaluation = each["seconds"] - each["phases"]["evaluating"]
        note = (
            f"{evaluation:.0f} s of them evaluation; accuracy {each['accuracy']:.3f}; {taken:,.0f} MiB, "
            f"{vectors:,.0f} of them the vectors"
        )
        figures.add(
            Figure(
                f"job on {given.large:,} vectors of 768 in 100 classes, recipe {recipe}",
                each["seconds"],
                "s",
                note=note,
            )
        )
    ratios = judged(found, large) if given.large in {0, 100_000} else judged(found, {})
    for each in ratios:
        print(ratio_line(each))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": ran_on,
        "setting": setting,
        "ways": found,
        "large": large,
        "figures": figures.to_json(),
        "ratios": [each.to_json() for each in ratios],
    }
    OUT.write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {OUT}", file=sys.stderr)


if __name__ == "__main__":
    main()

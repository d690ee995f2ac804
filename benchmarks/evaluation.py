"""How far a job's probabilities and verdicts can be believed; tables, and JSON in var/bench/evaluation.json.

python benchmarks/evaluation.py [FILE.npz ...] [--dataset NAME ...] [--recipes auto,mlp,lda,logistic] [--repeats 3]
    [--left-out 5] [--few 2x8,5x8,2x15,2x40] [--few-draws 10]

A FILE.npz holds `vectors` float32[n, d] and `labels` int32[n]; a dataset is fetched from a running installation. Each
number is of whole jobs (fit, calibration, unknown rule) on random splits of 70, 10 and 20 %:

- calibration: the error on the test part without the temperature, with it, and by chance alone;
- unknown: a class is left out of everything, and its pictures are to be told from the test part, by the first recipe;
- few: so many classes drawn at random and so many pictures of each are known, by recipe lda; all others are unknown.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench import assessed_jobs, open_sets, vector_sets
from bench.machine import machine

from trainer.fitting.fit import prepare_tensorflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.open_sets import OpenSet
    from bench.vector_sets import VectorSet

    Rows = Sequence[dict[str, float] | None]
    """What each job reported; None of one that has no unknown rule."""

OUT = Path("var/bench")
TABLES = {
    "calibration": (
        "calibration_error_before",
        "calibration_error_after",
        "by_chance",
        "log_loss_before",
        "log_loss_after",
    ),
    "unknown": (
        "auroc",
        "max_probability_auroc",
        "known_known",
        "known_right",
        "known_unknown",
        "unknown_known",
        "unknown_unknown",
    ),
    "few": ("auroc", "known_known", "known_unknown", "unknown_known", "unknown_unknown"),
}
_SHORT = {
    "calibration_error_before": "error before",
    "calibration_error_after": "after",
    "by_chance": "by chance",
    "log_loss_before": "loss before",
    "log_loss_after": "after",
    "auroc": "AUROC rule",
    "max_probability_auroc": "of max p",
    "known_known": "known: KNOWN",
    "known_right": "of it right",
    "known_unknown": "UNKNOWN",
    "unknown_known": "other: KNOWN",
    "unknown_unknown": "UNKNOWN",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    vector_sets.add_options(parser)
    parser.add_argument("--recipes", default="auto,mlp,lda,logistic")
    parser.add_argument("--repeats", type=int, default=3, help="random splits for each recipe")
    parser.add_argument("--left-out", type=int, default=5, help="classes left out, each in a job of its own; 0: none")
    parser.add_argument("--few", default="2x8,5x8,2x15,2x40", help="CLASSESxPICTURES, ...; empty: none")
    parser.add_argument("--few-draws", type=int, default=10)
    options = parser.parse_args()
    sets = vector_sets.read(parser, options)
    setting = {name: value for name, value in vars(options).items() if name not in ("files", "dataset", "gateway")}
    report: dict[str, Any] = {
        "machine": machine(),
        "setting": setting,
        "sets": [*sets],
        **{name: [] for name in TABLES},
    }
    prepare_tensorflow(1)
    OUT.mkdir(parents=True, exist_ok=True)
    shown = ""
    for table, name, rows in measured(sets, options):
        if table != shown:
            print(header(table))
            shown = table
        report[table].append({"name": name, **means(rows, TABLES[table]), "each": rows})
        print(line(table, name, rows), flush=True)
        (OUT / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n")


def measured(sets: dict[str, VectorSet], options: argparse.Namespace) -> Iterator[tuple[str, str, Rows]]:
    """Run the jobs; for each row of the tables yield which table, the row's name and what its jobs reported."""
    recipes = options.recipes.split(",")
    for name, (vectors, labels) in sets.items():
        for kind in recipes:
            cases = [open_sets.whole(labels, repeat) for repeat in range(options.repeats)]
            jobs = [assessed_jobs.job(kind, vectors, labels, case, seed) for seed, case in enumerate(cases)]
            yield "calibration", f"{name} {kind}", [assessed_jobs.calibration(each) for each in jobs]
    for name, (vectors, labels) in sets.items() if options.left_out else ():
        cases = open_sets.without_each(labels, 0, options.left_out)
        yield "unknown", f"{name} {recipes[0]}", _unknown(recipes[0], vectors, labels, cases)
    for name, (vectors, labels) in sets.items():
        for classes, each in (size(text) for text in options.few.split(",") if text):
            if each >= np.median(np.bincount(labels)):
                continue  # most classes have not as many
            cases = [open_sets.few(labels, classes, each, draw) for draw in range(options.few_draws)]
            yield "few", f"{name} {classes} x {each}", _unknown("lda", vectors, labels, cases)


def _unknown(kind: str, vectors: np.ndarray, labels: np.ndarray, cases: Sequence[OpenSet]) -> Rows:
    return [
        assessed_jobs.unknown(assessed_jobs.job(kind, vectors, labels, case, seed), vectors, labels, case)
        for seed, case in enumerate(cases)
    ]


def size(text: str) -> tuple[int, int]:
    """Return (classes, pictures of each) of "2x15"."""
    classes, each = text.split("x")
    return int(classes), int(each)


def means(rows: Rows, columns: Sequence[str]) -> dict[str, float | int | None]:
    """Return how many jobs there are, how many of them have no rule, and the mean of each column over the others."""
    given = [row for row in rows if row is not None]
    over = {column: float(np.mean([row[column] for row in given])) if given else None for column in columns}
    return {"jobs": len(rows), "without_rule": len(rows) - len(given), **over}


def header(table: str) -> str:
    """Return the table's name and what is in its columns."""
    return f"\n{table:<24}{'jobs':>5}" + "".join(f"{_SHORT[column]:>14}" for column in TABLES[table])


def line(table: str, name: str, rows: Rows) -> str:
    """Return one row of a table."""
    found = means(rows, TABLES[table])
    numbers = "".join(f"{'-' if found[each] is None else format(found[each], '.3f'):>14}" for each in TABLES[table])
    bare = f"   {found['without_rule']} without a rule" if found["without_rule"] else ""
    return f"  {name:<22}{found['jobs']:>5}{numbers}{bare}"


if __name__ == "__main__":
    main()

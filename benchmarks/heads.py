"""How well Graft's recipes do beside scikit-learn on the same folds; table, and JSON in var/bench/heads.json.

python benchmarks/heads.py [FILE.npz ...] [--dataset NAME ...] [--recipes auto,lda,mlp] [--repeats 5] [--folds 5]

A FILE.npz holds `vectors` float32[n, d] and `labels` int32[n]; a dataset is fetched from a running installation. From
each set come three: all of it, and repeats of 10 and 20 examples a class. Promised: the mean over the sets of the
default recipe within 1 point of the best of scikit-learn's three, and `auto` not below any of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from bench import vector_sets
from bench.environments import environment
from bench.machine import machine
from bench.shared_folds import cut, digest, write

OUT = Path("var/bench")
FEW = (0, 10, 20)
POINT = 0.01
_HERE = Path(__file__).parent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    vector_sets.add_options(parser)
    parser.add_argument("--recipes", default="auto,lda,mlp")
    parser.add_argument("--default", default="auto", help="the recipe that the first promise is about")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    sets = vector_sets.read(parser, options)
    ran_on = machine()
    python = environment(_HERE / "peers" / "scikit_learn.txt", OUT / "venvs" / "scikit_learn")
    folder = OUT / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for name, (vectors, labels) in sets.items():
        for few in FEW:
            if few and few >= np.bincount(labels).max():
                continue  # that is all of it
            folds = cut(labels, options.repeats, options.folds, few)
            path = folder / f"{name}-{few or 'all'}.npz"
            write(path, vectors, labels, folds)
            theirs = _side([str(python), str(_HERE / "peers" / "scikit_learn_heads.py"), str(path)])
            ours = _side([sys.executable, "-m", "bench.graft_heads", str(path), *options.recipes.split(",")])
            wanted = digest(vectors, labels, folds)
            if not theirs["saw"] == ours["saw"] == wanted:
                sys.exit(f"{path}: the two sides saw different folds; nothing of this run may be told")
            found = {"set": path.stem, "folds": len(folds), "sides": {"scikit-learn": theirs, "graft": ours}}
            results.append(found)
            print(_line(path.stem, _means(found)), flush=True)
            _write(ran_on, results, options)
    for text in verdicts(results, options.default):
        print(text)


def _side(command: list[str]) -> dict[str, object]:
    """Run one side alone and return what it found."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=None, env=_environment())
    return dict(json.loads(done.stdout))


def _environment() -> dict[str, str]:
    import os

    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # threads would spin over small products
    return {**os.environ, **one, "PYTHONPATH": str(_HERE), "TF_CPP_MIN_LOG_LEVEL": "3"}


def _means(found: dict[str, object]) -> dict[str, float]:
    sides = found["sides"].values()  # type: ignore[attr-defined] # as it was put together above
    return {name: float(np.mean(each)) for side in sides for name, each in side["accuracies"].items()}


def _line(name: str, means: dict[str, float]) -> str:
    return f"  {name:<20}" + "".join(f"{key:>20} {value:6.1%}" for key, value in means.items())


def verdicts(results: list[dict[str, object]], default: str) -> list[str]:
    """Return the means over the sets, and the promises with whether they are kept."""
    means = [_means(each) for each in results]
    over = {name: float(np.mean([each[name] for each in means])) for name in means[0]}
    peers = [*results[0]["sides"]["scikit-learn"]["accuracies"]]  # type: ignore[index] # as above
    best = max(peers, key=lambda name: over[name])
    lines = [_line("mean over sets", over)]
    for recipe, allowed in ((default, POINT), ("auto", 0.0)):
        if recipe in over:
            kept = "met" if over[recipe] >= over[best] - allowed else "MISSED"
            lines.append(f"  {recipe} {over[recipe]:.2%}, {best} {over[best]:.2%}, allowed {allowed:.0%} below: {kept}")
    return lines


def _write(ran_on: dict[str, object], results: list[dict[str, object]], options: argparse.Namespace) -> None:
    setting = {"repeats": options.repeats, "folds": options.folds, "recipes": options.recipes}
    promises = verdicts(results, options.default)
    text = json.dumps({"machine": ran_on, "setting": setting, "results": results, "verdicts": promises}, indent=2)
    (OUT / "heads.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

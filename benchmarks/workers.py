"""Training with several workers beside training in one process, on this machine; a table and var/bench/workers.json.

Each way fits made-up vectors for a fixed number of epochs, so that all do the same steps. `whole` is what a job waits
for, the start of the processes and of TensorFlow in them included; `steps` is from the first report to the last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bench.machine import machine

from trainer.fitting.fit import TrainingData, fit, prepare_tensorflow
from trainer.jobs.checkpoints import JobCheckpoints
from trainer.recipes import MlpRecipe
from trainer.workers.fitting import WorkersFit

if TYPE_CHECKING:
    from trainer.jobs.progress import Progress

HERE = Path("var/bench")


@dataclass(frozen=True, slots=True)
class Load:
    """Something to fit.

    Attributes:
        name: for the table.
        pictures: how many vectors.
        dimensions: of each.
        classes: how many labels.
        recipe: how.
    """

    name: str
    pictures: int
    dimensions: int
    classes: int
    recipe: MlpRecipe


LOADS = [
    Load("400 x 768, 12 classes, as it is", 400, 768, 12, MlpRecipe(epochs=30)),
    Load("20,000 x 768, 100 classes, as it is", 20_000, 768, 100, MlpRecipe(epochs=3)),
    Load("20,000 x 768, 100 classes, batch 1,024", 20_000, 768, 100, MlpRecipe(epochs=6, batch_size=1024)),
    Load(
        "20,000 x 2048, 1,000 classes, 2048-2048, batch 2,048",
        20_000,
        2048,
        1000,
        MlpRecipe(hidden_units=(2048, 2048), epochs=3, batch_size=2048),
    ),
]


def data_of(load: Load) -> TrainingData:
    """Return vectors around centres, non-negative as a trunk's are."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, load.classes, load.pictures).astype(np.int32)
    centres = rng.normal(size=(load.classes, load.dimensions)).astype(np.float32)
    vectors = np.maximum(centres[labels] + rng.standard_normal((load.pictures, load.dimensions), np.float32), 0)
    rows = np.arange(load.pictures, dtype=np.int32)
    return TrainingData(vectors, labels, rows[rows % 10 > 0], rows[rows % 10 == 0], load.classes)


def measure(load: Load, workers: int, threads: int) -> dict[str, float]:
    """Fit once, in this process, and return the seconds that it took and the last loss."""
    began = time.perf_counter()
    prepare_tensorflow(threads)
    data, reports = data_of(load), []
    recipe = MlpRecipe(**{**asdict(load.recipe), "hidden_units": load.recipe.hidden_units, "workers": workers})
    ready = time.perf_counter()

    def heard(progress: Progress) -> None:
        reports.append((time.perf_counter(), progress.step, progress.loss))

    with tempfile.TemporaryDirectory() as name:
        origin = dict.fromkeys(("code_version", "fingerprint", "snapshot_sha256"), "")
        folder = Path(name) / "1"
        folder.mkdir()
        checkpoints = JobCheckpoints(folder / "checkpoint.safetensors", origin, print, 2.0, time.monotonic)
        WorkersFit(fit, threads)(recipe, data, heard, lambda: False, checkpoints)
    ended = time.perf_counter()
    (first, first_step, _), (last, last_step, loss) = reports[0], reports[-1]
    return {
        "whole_s": ended - ready,
        "prepare_s": ready - began,
        "step_ms": (last - first) / (last_step - first_step) * 1000,
        "loss": float(loss or 0.0),
    }


def main() -> None:
    """Measure every load in every way, each in a fresh process, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=3, type=int, metavar=("LOAD", "WORKERS", "THREADS"), help="measure one only")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many counts (3)")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(LOADS[given.one[0]], *given.one[1:])))
        return
    cores = os.cpu_count() or 1
    ways = [(0, 1), (0, cores), (cores, cores)]
    found: list[dict[str, object]] = []
    print(f"{'':<54}{'in the trainer, 1 thread':>26}{f'{cores} threads':>20}{f'{cores} workers x 1 thread':>24}")
    for index, load in enumerate(LOADS):
        cells = []
        for workers, threads in ways:
            rounds = [_measured(index, workers, threads) for _ in range(given.rounds)]
            median = {key: float(np.median([each[key] for each in rounds])) for key in rounds[0]}
            found.append({"load": load.name, "workers": workers, "threads": threads, **median})
            cells.append(f"{median['whole_s']:.1f} s, {median['step_ms']:.2f} ms a step")
        print(f"{load.name:<54}" + "".join(f"{cell:>26}" for cell in cells), flush=True)
    HERE.mkdir(parents=True, exist_ok=True)
    (HERE / "workers.json").write_text(json.dumps({"machine": machine(), "found": found}, indent=1))


def _measured(index: int, workers: int, threads: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(index), str(workers), str(threads)]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(said.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()

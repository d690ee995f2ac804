"""Graft's side of benchmarks/heads.py, a process of its own: FILE.npz and recipes in, JSON out.

An eighth of the training rows is the validation part, as in a dataset of Graft (70 % and 10 %).
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

import numpy as np

from trainer import recipes
from trainer.fitting.fit import TrainingData, fit, prepare_tensorflow
from trainer.registry import heads

VALIDATION = 1 / 8


def main() -> None:
    """Fit every recipe to every fold."""
    given = np.load(sys.argv[1])
    prepare_tensorflow(1)
    vectors, labels = given["vectors"], given["labels"]
    classes = int(labels.max()) + 1
    total = hashlib.sha256(vectors.tobytes() + labels.tobytes())
    accuracies: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    for fold in range(int(given["count"])):
        training, test = given[f"training{fold}"], given[f"test{fold}"]
        total.update(training.astype("<i8").tobytes() + b"|" + test.astype("<i8").tobytes())
        data = TrainingData(vectors, labels, *split(labels, training, fold), classes)
        for kind in sys.argv[2:]:
            began = time.perf_counter()
            fitted = fit(recipes.from_dict({"kind": kind}), data, lambda _: None, lambda: False)
            seconds[kind] = seconds.get(kind, 0.0) + time.perf_counter() - began
            answers = heads.predict(fitted.network, vectors[test]).argmax(axis=1)
            accuracies.setdefault(kind, []).append(float((answers == labels[test]).mean()))
    json.dump({"saw": total.hexdigest(), "accuracies": accuracies, "seconds": seconds}, sys.stdout)


def split(
    labels: np.ndarray, rows: np.ndarray, seed: int
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """Return (training, validation) of the rows, at random; every class keeps a training row."""
    order = np.random.default_rng(seed).permutation(rows).astype(np.int32)
    validation = order[: max(1, round(len(rows) * VALIDATION))]
    training = np.setdiff1d(order, validation).astype(np.int32)
    bare = np.setdiff1d(labels[rows], labels[training])
    moved = validation[np.isin(labels[validation], bare)]
    if len(moved) < len(validation):
        validation = np.setdiff1d(validation, moved).astype(np.int32)
    return np.concatenate([training, moved]), validation


if __name__ == "__main__":
    main()

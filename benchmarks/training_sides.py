"""One process that trains a head, in one of several ways; asked by benchmarks/training.py.

`talk` is how the talk's script goes about it: a text file for each vector, read and parsed for each batch, and a feed a
step. `memory` is the same loop fed from an array. `graft` is the trainer's own fit. All three start from
the same weights and take the same batches, so they end with the same weights but for rounding.
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench import training_jobs
from bench.dialogue import serve

from trainer.fitting import batches
from trainer.fitting.fit import TrainingData, fit, prepare_tensorflow
from trainer.recipes import SeedRecipe, from_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_DRAWN_AT_ONCE = 200  # as trainer.fitting.fit_descent draws them
_CLUSTERS_APART = 1.5


def vectors_of(examples: int, dimensions: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Made-up bottleneck vectors: non-negative, each class around a centre of its own; float32[n, d], int32[n]."""
    vectors, labels = zip(*pieces_of(examples, dimensions, classes), strict=True)
    return np.concatenate(vectors), np.concatenate(labels)


def pieces_of(examples: int, dimensions: int, classes: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int32]]]:
    """The same in pieces."""
    rng = np.random.default_rng(0)
    labels = (np.arange(examples) % classes).astype(np.int32)
    centres = rng.standard_normal((classes, dimensions), np.float32) * np.float32(_CLUSTERS_APART / 10)
    for start in range(0, examples, 4096):
        piece = labels[start : start + 4096]
        noise = rng.standard_normal((len(piece), dimensions), np.float32)
        yield np.maximum(0, centres[piece] * 4 + noise * np.float32(0.3) + np.float32(0.2)), piece


def ways(way: str, examples: int, dimensions: int, classes: int, steps: int, batch: int) -> dict[str, Any]:
    """Train in one way; seconds of the training with its compiling, and numbers of the weights to compare."""
    prepare_tensorflow(0)
    vectors, labels = vectors_of(examples, dimensions, classes)
    recipe = SeedRecipe(initial_stddev=0.05, steps=steps, batch_size=batch, learning_rate=0.01)
    rows = np.arange(examples, dtype=np.int32)
    if way == "graft":
        held = np.arange(0, examples, 10, dtype=np.int32)
        data = TrainingData(vectors, labels, rows, held, classes)
        began = time.perf_counter()
        fitted = fit(recipe, data, lambda _: None, lambda: False)
        seconds = time.perf_counter() - began
        weights = [each.weight for each in fitted.network.layers]
    elif way == "memory":
        seconds, weights = _feed_steps(recipe, labels, classes, rows, lambda chosen: vectors[chosen], dimensions)
    else:
        with tempfile.TemporaryDirectory() as folder:
            paths = _text_files(Path(folder), vectors)
            seconds, weights = _feed_steps(
                recipe,
                labels,
                classes,
                rows,
                lambda chosen: np.stack([_parsed(paths[row]) for row in chosen]),
                dimensions,
            )
    norms = [float(np.linalg.norm(each)) for each in weights]
    return {
        "seconds": seconds,
        "steps": steps,
        "batch": batch,
        "norms": norms,
        "corner": weights[-1].ravel()[:64].tolist(),
    }


def large(recipe: str, examples: int, dimensions: int, classes: int) -> dict[str, Any]:
    """Do a whole training job on many vectors; seconds, and the memory that it took on top of TensorFlow's."""
    prepare_tensorflow(0)
    vectors, labels = vectors_of(64, dimensions, 4)
    rows = np.arange(64, dtype=np.int32)
    settings = {"kind": recipe}
    fit(from_dict(settings), TrainingData(vectors, labels, rows[8:], rows[:8], 4), lambda _: None, lambda: False)
    before = _peak_bytes()
    with tempfile.TemporaryDirectory() as folder:
        done = training_jobs.train(Path(folder), settings, pieces_of(examples, dimensions, classes))
    return {**done, "vectors_bytes": 4 * examples * dimensions, "memory_bytes": _peak_bytes() - before}


def _feed_steps(
    recipe: SeedRecipe,
    labels: NDArray[np.int32],
    classes: int,
    rows: NDArray[np.int32],
    read: Callable[[NDArray[np.int32]], NDArray[np.float32]],
    dimensions: int,
) -> tuple[float, list[NDArray[np.float32]]]:
    """A session, a placeholder, and a feed for each step."""
    import tensorflow as tf

    sizes = (dimensions, *recipe.hidden_units, classes)
    initial = batches.truncated_normal_weights(recipe.seed, sizes, recipe.initial_stddev)
    began = time.perf_counter()
    with tf.Graph().as_default():
        inputs = tf.compat.v1.placeholder(tf.float32, [None, dimensions])
        truth = tf.compat.v1.placeholder(tf.int32, [None])
        weights = [tf.compat.v1.Variable(each) for each in initial]
        hidden: Any = inputs
        for weight in weights:
            hidden = tf.nn.relu(hidden @ weight + tf.compat.v1.Variable(tf.zeros(weight.shape[1])))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(truth, hidden))
        step = tf.compat.v1.train.GradientDescentOptimizer(recipe.learning_rate).minimize(loss)
        with tf.compat.v1.Session() as session:
            session.run(tf.compat.v1.global_variables_initializer())
            for start in range(0, recipe.steps, _DRAWN_AT_ONCE):
                count = min(_DRAWN_AT_ONCE, recipe.steps - start)
                drawn = batches.with_replacement(recipe.seed, start, count, rows, recipe.batch_size)
                for chosen in drawn.rows:
                    session.run(step, {inputs: read(chosen), truth: labels[chosen]})
            return time.perf_counter() - began, session.run(weights)


def _text_files(folder: Path, vectors: NDArray[np.float32]) -> list[Path]:
    """One file a vector: its values as text with commas between them."""
    paths = [folder / f"{row}.jpg_inception_v3.txt" for row in range(len(vectors))]
    for path, vector in zip(paths, vectors, strict=True):
        path.write_text(",".join(str(value) for value in vector))  # the shortest text that reads back the same
    return paths


def _parsed(path: Path) -> NDArray[np.float32]:
    return np.array([float(value) for value in path.read_text().split(",")], np.float32)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    serve(ways=ways, large=large)

"""Loads an exported network and runs it, in a process that has nothing of Graft's: a file for `python -I`, no module.

Reads one JSON object from standard input: `format`, `path` (of the SavedModel's directory or the file), `pixels` (a
.npy file, uint8[n, h, w, 3]), `pictures` (a folder, or empty for pixels only), `threads`, `output`. Writes into
`output`, an .npz file: `pixels` and, if pictures were run, `bytes`, each float32[n, labels]. Prints one JSON object:
`labels` as the network tells them, and `foreign`, the modules of Graft's that were loaded, which must be empty.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 8


def batched(run: Any, rows: Any) -> Any:
    """The first row alone, then the others in batches: a network must take any number."""
    cuts = [0, *range(1, len(rows), BATCH), len(rows)]
    return np.concatenate([run(rows[start:end]) for start, end in itertools.pairwise(cuts) if end > start])


def threaded(threads: int) -> Any:
    """TensorFlow, on so many threads."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def run_savedmodel(task: dict[str, Any], pixels: Any, pictures: list[bytes]) -> tuple[dict[str, Any], list[str]]:
    """All three signatures: two on all pictures; `pixels_float`, which is `pixels` without its cast, on two batches."""
    tf = threaded(task["threads"])
    signatures = tf.saved_model.load(task["path"]).signatures
    from_integers = batched(
        lambda rows: signatures["pixels"](pixels=tf.constant(rows))["probabilities"].numpy(), pixels
    )
    floats = pixels[: BATCH + 1].astype(np.float32)
    from_floats = batched(lambda rows: signatures["pixels_float"](pixels=rows)["probabilities"].numpy(), floats)
    if np.abs(from_integers[: len(floats)] - from_floats).max() > 1e-6:  # noqa: PLR2004 - the same numbers, cast at once or before
        raise SystemExit("the signatures pixels and pixels_float do not agree")
    names: list[str] = []

    def run(rows: list[bytes]) -> Any:
        answer = signatures["serving_default"](picture_bytes=tf.constant(rows))
        names[:] = [name.decode() for name in answer["class_names"].numpy()[0]]
        return answer["probabilities"].numpy()

    from_bytes = batched(run, pictures)
    beside = (Path(task["path"]) / "assets" / "labels.txt").read_text(encoding="utf-8").splitlines()
    if beside != names:
        raise SystemExit("the labels in the asset file are not those of the output class_names")
    return {"pixels": from_integers, "bytes": from_bytes}, names


def run_graphdef(task: dict[str, Any], pixels: Any, pictures: list[bytes]) -> tuple[dict[str, Any], list[str]]:
    """The graph in a session, fed with pixels and with bytes."""
    tf = threaded(task["threads"])
    graph = tf.Graph()
    with graph.as_default():
        graph_def = tf.compat.v1.GraphDef.FromString(Path(task["path"]).read_bytes())
        tf.graph_util.import_graph_def(graph_def, name="")
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=task["threads"], inter_op_parallelism_threads=1)
    with tf.compat.v1.Session(graph=graph, config=config) as session:
        answers = {
            "pixels": batched(lambda rows: session.run("probabilities:0", {"pixels:0": rows}), pixels),
            "bytes": batched(lambda rows: session.run("probabilities:0", {"picture_bytes:0": rows}), pictures),
        }
        return answers, [name.decode() for name in session.run("class_names:0")]


def run_tflite(task: dict[str, Any], pixels: Any, pictures: list[bytes]) -> tuple[dict[str, Any], list[str]]:  # noqa: ARG001
    """The model's one signature; the labels lie beside the file."""
    tf = threaded(task["threads"])
    interpreter = tf.lite.Interpreter(task["path"], num_threads=task["threads"] or None)
    runner = interpreter.get_signature_runner()
    answers = {"pixels": batched(lambda rows: runner(pixels=rows)["probabilities"].copy(), pixels.astype(np.float32))}
    return answers, Path(task["path"]).with_name("labels.txt").read_text(encoding="utf-8").splitlines()


def run_onnx(task: dict[str, Any], pixels: Any, pictures: list[bytes]) -> tuple[dict[str, Any], list[str]]:  # noqa: ARG001
    """The model in ONNX Runtime; the labels are in its metadata."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task["threads"]
    session = onnxruntime.InferenceSession(task["path"], options, providers=["CPUExecutionProvider"])
    floats = pixels.astype(np.float32)
    answers = {"pixels": batched(lambda rows: session.run(["probabilities"], {"pixels": rows})[0], floats)}
    return answers, json.loads(session.get_modelmeta().custom_metadata_map["labels"])


def main() -> None:
    """Do what standard input asks for."""
    task = json.load(sys.stdin)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    pictures = [path.read_bytes() for path in sorted(Path(task["pictures"]).iterdir())] if task["pictures"] else []
    run = globals()[f"run_{task['format']}"]
    answers, labels = run(task, np.load(task["pixels"]), pictures)
    np.savez(task["output"], **answers)
    graft = ("graft", "trainer", "feature_extractor", "classifier", "gateway")
    foreign = sorted({name.partition(".")[0] for name in sys.modules} & set(graft))
    sys.stdout.write("\n" + json.dumps({"labels": labels, "foreign": foreign}) + "\n")


if __name__ == "__main__":
    main()

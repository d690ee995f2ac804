"""`python -m trainer.export.building`: builds a network in a process of its own, whose memory goes with it.

Reads an `ExportTask` from standard input. Beside the network it writes what the network is compared on: the pictures as
pixels, and the vectors that the trunk alone makes of them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from graft.errors import GraftError
from trainer.export.children import REFUSED
from trainer.export.network import decoded_one, resized, trunk_graph, vectors_of
from trainer.export.task import LABELS_FILE, ExportFormat, ExportTask

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BATCH: Final = 8
"""Pictures computed at once: full maps of more would only take memory."""


def build(task: ExportTask) -> None:
    """Write all files of the task."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    pixels = _pixels(task)
    np.save(task.pixels_file, pixels)
    np.save(task.vectors_file, _vectors(task, pixels))
    write(task)


def write(task: ExportTask) -> None:
    """Write the network into `task.out`."""
    from trainer.export import tensorflow_files as files

    if task.format is ExportFormat.SAVED_MODEL:
        files.write_saved_model(task, task.out)
        return
    task.out.mkdir()
    files.write_labels(task, task.out / LABELS_FILE)
    if task.format is ExportFormat.GRAPH_DEF:
        files.write_graph_def(task, task.out / "model.pb")
    elif task.format is ExportFormat.TFLITE:
        files.write_tflite(task, task.out / "model.tflite")
    else:
        from trainer.export.onnx_file import write_onnx

        write_onnx(task, task.out / "model.onnx")


def _pixels(task: ExportTask) -> NDArray[np.uint8]:
    """The pictures as uint8[n, height_px, width_px, 3], each also as a PNG, which loses nothing."""
    import tensorflow as tf

    task.pixels.mkdir()
    rows = []
    for picture in sorted(task.pictures.iterdir()):
        row = tf.cast(tf.round(resized(decoded_one(picture.read_bytes()), task.trunk)), tf.uint8)
        (task.pixels / f"{picture.name}.png").write_bytes(tf.io.encode_png(row).numpy())
        rows.append(row.numpy())
    return np.stack(rows)


def _vectors(task: ExportTask, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the trunk alone makes of pixels: float32[n, dimensions]."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        taken = tf.compat.v1.placeholder(tf.float32, (None, *pixels.shape[1:]))
        vectors = vectors_of(trunk_graph(task), task.trunk, taken)
    with tf.compat.v1.Session(graph=graph, config=_config(task)) as session:
        batches = [pixels[start : start + _BATCH].astype(np.float32) for start in range(0, len(pixels), _BATCH)]
        return np.concatenate([session.run(vectors, {taken: batch}) for batch in batches])


def _config(task: ExportTask) -> Any:
    import tensorflow as tf

    return tf.compat.v1.ConfigProto(intra_op_parallelism_threads=task.threads, inter_op_parallelism_threads=1)


def main() -> None:
    """Build what standard input asks for; a refusal is told on standard error."""
    try:
        build(ExportTask.from_json(sys.stdin.read()))
    except GraftError as error:
        sys.exit(f"{REFUSED}{error.reason}: {error.message}")


if __name__ == "__main__":
    main()

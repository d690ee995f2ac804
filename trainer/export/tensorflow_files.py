"""Writes the network in TensorFlow's own formats: SavedModel, frozen GraphDef, TensorFlow Lite."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

from trainer.export.network import (
    CLASS_NAMES,
    PICTURE_BYTES,
    PIXELS,
    PROBABILITIES,
    decoded,
    probabilities_of,
    trunk_graph,
    vectors_of,
)
from trainer.export.task import LABELS_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.export.task import ExportTask

FLOAT_PIXELS: Final = "pixels_float"
_DEFAULT: Final = "serving_default"


def write_saved_model(task: ExportTask, into: Path, *, with_bytes: bool = True) -> None:
    """Write a SavedModel directory that needs no code of Graft's or Keras's to be loaded.

    Signatures, each for any n: `serving_default` picture_bytes string[n]; `pixels` uint8 and `pixels_float` float32
    [n, height_px, width_px, 3], 0 to 255. Each gives `probabilities` float32[n, labels] and `class_names`
    string[n, labels]. The labels are an asset as well.

    Args:
        task: what to write.
        into: the directory, which must not exist.
        with_bytes: whether pictures' bytes are taken too; False leaves `pixels_float` alone.
    """
    import tensorflow as tf

    trunk, head, graph_def = task.trunk, task.read_head(), trunk_graph(task)
    pixels_spec = (None, trunk.height_px, trunk.width_px, 3)
    # One function that all signatures call: the weights are in the file once.
    network = tf.compat.v1.wrap_function(
        lambda pixels: probabilities_of(head, vectors_of(graph_def, trunk, pixels)),
        [tf.TensorSpec(pixels_spec, tf.float32)],
    )

    def answer(pixels: Any) -> dict[str, Any]:
        probabilities = tf.ensure_shape(network(pixels), (None, len(task.labels)))
        names = tf.broadcast_to(tf.constant(task.labels), tf.shape(probabilities))
        return {PROBABILITIES: probabilities, CLASS_NAMES: names}

    def signature(work: Any, shape: Any, kind: Any, name: str) -> Any:
        return tf.function(work, input_signature=[tf.TensorSpec(shape, kind, name=name)])

    module = tf.Module()
    module.network = network
    if not with_bytes:
        alone = signature(lambda pixels: {PROBABILITIES: network(pixels)}, pixels_spec, tf.float32, PIXELS)
        tf.saved_model.save(module, str(into), signatures={FLOAT_PIXELS: alone})
        return
    labels_file = task.folder / LABELS_FILE
    write_labels(task, labels_file)
    module.labels_file = tf.saved_model.Asset(str(labels_file))
    signatures = {
        _DEFAULT: signature(
            lambda picture_bytes: answer(decoded(picture_bytes, trunk)), (None,), tf.string, PICTURE_BYTES
        ),
        PIXELS: signature(lambda pixels: answer(tf.cast(pixels, tf.float32)), pixels_spec, tf.uint8, PIXELS),
        FLOAT_PIXELS: signature(answer, pixels_spec, tf.float32, PIXELS),
    }
    tf.saved_model.save(module, str(into), signatures=signatures)


def network_graph(task: ExportTask, *, with_bytes: bool) -> Any:
    """A tf.Graph from `pixels:0`, or `picture_bytes:0` where it is taken too, to `probabilities:0`; `class_names:0`."""
    import tensorflow as tf

    trunk, graph = task.trunk, tf.Graph()
    shape = (None, trunk.height_px, trunk.width_px, 3)
    with graph.as_default():
        if with_bytes:
            contents = tf.compat.v1.placeholder(tf.string, (None,), name=PICTURE_BYTES)
            pixels = tf.compat.v1.placeholder_with_default(decoded(contents, trunk), shape, name=PIXELS)
        else:
            pixels = tf.compat.v1.placeholder(tf.float32, shape, name=PIXELS)
        probabilities = probabilities_of(task.read_head(), vectors_of(trunk_graph(task), trunk, pixels))
        tf.identity(probabilities, name=PROBABILITIES)
        tf.constant(task.labels, name=CLASS_NAMES)
    return graph


def write_graph_def(task: ExportTask, into: Path) -> None:
    """Write a frozen graph: feed `picture_bytes:0` string[n] or `pixels:0` float32[n, height_px, width_px, 3] 0 to 255.

    Fetch `probabilities:0` float32[n, labels] and `class_names:0` string[labels].
    """
    into.write_bytes(network_graph(task, with_bytes=True).as_graph_def().SerializeToString(deterministic=True))


def write_tflite(task: ExportTask, into: Path) -> None:
    """Write a TensorFlow Lite model: `pixels` float32[n, height_px, width_px, 3], 0 to 255, to `probabilities`."""
    import tensorflow as tf

    between = task.folder / "saved_model"
    write_saved_model(task, between, with_bytes=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(between), signature_keys=[FLOAT_PIXELS])
    into.write_bytes(converter.convert())
    shutil.rmtree(between)


def write_labels(task: ExportTask, into: Path) -> None:
    """Write the labels, a line each."""
    into.write_text("".join(f"{label}\n" for label in task.labels), encoding="utf-8")

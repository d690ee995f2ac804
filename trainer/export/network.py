"""Trunk and head as one network of TensorFlow's operations, and a picture's bytes turned into the pixels it takes.

Importing this module is cheap; its functions import TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from trainer.export.task import ExportTask, TrunkFacts
    from trainer.registry.heads import Network

PIXELS: Final = "pixels"
PICTURE_BYTES: Final = "picture_bytes"
PROBABILITIES: Final = "probabilities"
CLASS_NAMES: Final = "class_names"

_ANTIALIASED: Final = "pil-antialias"


def trunk_graph(task: ExportTask) -> Any:
    """The trunk's GraphDef."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    return GraphDef.FromString(task.trunk_file.read_bytes())


def vectors_of(graph_def: Any, trunk: TrunkFacts, pixels: Any) -> Any:
    """float32[n, height_px, width_px, 3] 0 to 255 to float32[n, dimensions]."""
    import tensorflow as tf

    (vectors,) = tf.graph_util.import_graph_def(
        graph_def, {trunk.input_tensor: pixels}, [trunk.output_tensor], name="trunk"
    )
    return vectors


def probabilities_of(head: Network, vectors: Any) -> Any:
    """float32[n, dimensions] to float32[n, labels]: the forward pass of `registry.heads`, its arrays as constants."""
    import tensorflow as tf

    with tf.name_scope("head"):
        h = (vectors - tf.constant(head.mean)) / tf.constant(head.scale)
        for layer in head.layers:
            h = tf.matmul(h, tf.constant(layer.weight)) + tf.constant(layer.bias)
            if layer.activation == "relu":
                h = tf.nn.relu(h)
        return tf.nn.softmax(h)


def decoded(contents: Any, trunk: TrunkFacts) -> Any:
    """string[n] of JPEG, PNG, GIF or BMP files to float32[n, height_px, width_px, 3], 0 to 255.

    As near as TensorFlow's operations come to what the extractor does. They do not turn a picture by its EXIF
    orientation, do not lay it on white where it is transparent, and round otherwise.
    """
    import tensorflow as tf

    def one(content: Any) -> Any:
        return resized(decoded_one(content), trunk)

    shape = tf.TensorSpec((trunk.height_px, trunk.width_px, 3), tf.float32)
    return tf.map_fn(one, contents, fn_output_signature=shape)


def decoded_one(content: Any) -> Any:
    """One file's bytes to uint8[h, w, 3].

    A JPEG by the accurate transformation, which gives the very pixels that libjpeg-turbo gives the extractor;
    TensorFlow's own choice, the fast one, is off by up to 7.
    """
    import tensorflow as tf

    return tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
    )


def resized(picture: Any, trunk: TrunkFacts) -> Any:
    """uint8[h, w, 3] to float32[height_px, width_px, 3]; a frozen graph's own resizing does not antialias."""
    import tensorflow as tf

    picture = tf.ensure_shape(picture, (None, None, 3))
    size = (trunk.height_px, trunk.width_px)
    if trunk.preprocessing.startswith(_ANTIALIASED):
        return tf.clip_by_value(tf.round(tf.image.resize(picture, size, antialias=True)), 0.0, 255.0)
    return tf.compat.v1.image.resize_bilinear(picture[tf.newaxis], size)[0]

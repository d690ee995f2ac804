"""A trunk of a few layers that stands for the extractor: it hands out its graph and computes vectors."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from trainer.export.task import TrunkFacts
from trainer.registry.heads import Layer, Network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainer.fitting.batches import FloatArray

SIZE_PX = 32
DIMENSIONS = 10
LABELS = ("bricks", "čtverce", "water 2")


def write_trunk(path: Path) -> Path:
    """Write a graph with what Inception-V3 has: strides, both paddings, norms, pools, branches, a mean."""
    import tensorflow as tf

    random = np.random.default_rng(5)
    graph = tf.Graph()

    def kernel(*shape: int) -> Any:
        return tf.constant(random.normal(0, 1 / np.sqrt(np.prod(shape[:3])), shape).astype(np.float32))

    def norm(x: Any) -> Any:
        parts = [tf.constant(random.uniform(0.5, 1.5, x.shape[-1]).astype(np.float32)) for _ in range(4)]
        return tf.raw_ops.FusedBatchNormV3(
            x=x, scale=parts[0], offset=parts[1], mean=parts[2], variance=parts[3], epsilon=1e-3, is_training=False
        )[0]

    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, (None, SIZE_PX, SIZE_PX, 3), name="pixels") / 127.5 - 1.0
        x = tf.nn.relu(norm(tf.nn.conv2d(x, kernel(3, 3, 3, 4), 2, "VALID")))
        one = tf.nn.max_pool2d(x, 3, 2, "VALID")
        two = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel(3, 2, 4, 4), 2, "SAME"), tf.constant([0.1] * 4)))
        two = tf.nn.avg_pool2d(two, 2, 1, "VALID")
        three = tf.nn.avg_pool2d(tf.nn.conv2d(one, kernel(1, 1, 4, 2), 1, "SAME"), 3, 1, "SAME")
        x = tf.concat([one, two, tf.nn.sigmoid(three)], 3)
        tf.identity(tf.reduce_mean(x, (1, 2)), name="vectors")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def head_for(activation: str = "linear") -> Network:
    """A head with a hidden layer that tells pictures apart."""
    random = np.random.default_rng(6)
    layers = (
        Layer(random.normal(0, 1, (DIMENSIONS, 6)).astype(np.float32), np.full(6, 0.1, np.float32), "relu"),
        Layer(random.normal(0, 1, (6, len(LABELS))).astype(np.float32), np.zeros(len(LABELS), np.float32), activation),
    )
    return Network(np.full(DIMENSIONS, 0.2, np.float32), np.full(DIMENSIONS, 0.4, np.float32), layers)


def texture(seed: int, width_px: int = 48, height_px: int = 40) -> bytes:
    """A JPEG of coarse noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC).save(content, "JPEG", quality=95)
    return content.getvalue()


class SmallTrunk:
    """Serves a trunk as the extractor does, decoding with Pillow.

    Args:
        path: its graph.

    Attributes:
        kept: previews by digest.
        precision: what it says of itself.
        shift: added to each vector, for a service that is another network.
        asked: sizes of the calls for vectors.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.kept: dict[bytes, bytes] = {}
        self.precision = "float32"
        self.shift = 0.0
        self.asked: list[int] = []

    def fingerprint(self) -> bytes:
        """Always the same."""
        return b"t" * 16

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """What is kept."""
        return [self.kept[digest] for digest in digests if digest in self.kept]

    def graph(self, into: Path, alive: Callable[[int, int], None]) -> TrunkFacts:
        """Copy the file."""
        alive(0, self._path.stat().st_size)
        shutil.copy(self._path, into)
        return self.facts()

    def facts(self) -> TrunkFacts:
        """What the file is."""
        return TrunkFacts(
            self.fingerprint().hex(), "pixels:0", "vectors:0", SIZE_PX, SIZE_PX, DIMENSIONS, "pil-antialias-32-v1",
            self.precision,
        )  # fmt: skip

    def vectors(self, contents: Sequence[bytes], alive: Callable[[], None]) -> FloatArray:
        """Decode with Pillow, run the graph."""
        alive()
        self.asked.append(len(contents))
        pictures = [Image.open(io.BytesIO(content)).convert("RGB") for content in contents]
        resized = [each.resize((SIZE_PX, SIZE_PX), Image.Resampling.BILINEAR) for each in pictures]
        return run_graph(self._path, np.stack([np.asarray(each) for each in resized])) + self.shift


def run_graph(path: Path, pixels: Any) -> FloatArray:
    """What a trunk's graph makes of pixels."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(tf.compat.v1.GraphDef.FromString(path.read_bytes()), name="")
    with tf.compat.v1.Session(graph=graph) as session:
        vectors: FloatArray = session.run("vectors:0", {"pixels:0": np.asarray(pixels, np.float32)})
        return vectors

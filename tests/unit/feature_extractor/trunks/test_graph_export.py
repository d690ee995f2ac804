"""The exported graph of real trunks, beside the trunks themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from frozen_graphs import encoded, small_graph, texture, write_graph

from feature_extractor.trunks.graph_export import GraphExporter
from feature_extractor.trunks.loading import LoadedTrunk, load_trunk
from feature_extractor.trunks.weights.record import TrunkRequest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from feature_extractor.trunks.graph_export import ExportedGraph

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(240)]


def run_exported(home: Path, loaded: LoadedTrunk, pixels: NDArray[Any]) -> tuple[ExportedGraph, NDArray[Any]]:
    """Export, then run the file on float pixels, in a function, which takes no operation that was removed."""
    import tensorflow as tf

    async def export() -> tuple[ExportedGraph, bytes]:
        async with GraphExporter(home, loaded.resolution).made() as made:
            return made, made.path.read_bytes()

    made, content = asyncio.run(export())
    graph_def = tf.compat.v1.GraphDef.FromString(content)
    run = tf.function(
        lambda given: tf.graph_util.import_graph_def(graph_def, {made.input_tensor: given}, [made.output_tensor])[0],
        input_signature=[tf.TensorSpec((None, *pixels.shape[1:]), tf.float32)],
    )
    tf.saved_model.save(tf.Module(), str(home / "saved"), signatures={"run": run})
    loaded_back = tf.saved_model.load(str(home / "saved")).signatures["run"]
    (vectors,) = loaded_back(tf.constant(pixels, tf.float32)).values()
    return made, vectors.numpy()


def test_keras_weights_give_the_vectors_of_the_trunk(tmp_path: Path) -> None:
    """Of a trunk cut early, in float32, from the same pixels."""
    request = TrunkRequest(weights="random:7", layer="activation_3", precision="float32")
    loaded = load_trunk(tmp_path, request, buckets=(1, 2))
    pixels = np.stack([texture(299, 299, seed) for seed in range(2)])
    made, vectors = run_exported(tmp_path, loaded, pixels)
    expected = loaded.trunk(pixels)
    assert (made.height_px, made.width_px, made.dimensions) == (299, 299, expected.shape[1])
    assert np.allclose(vectors, expected, atol=1e-5 * np.abs(expected).max())
    assert np.ptp(expected, axis=0).max() > 1e-2 * np.abs(expected).max()  # the pictures do differ


def test_a_frozen_graph_is_cut_behind_its_resizing(tmp_path: Path) -> None:
    """What the exported part makes of the resized pictures is what the whole graph makes of their bytes."""
    path = write_graph(tmp_path / "small.pb", small_graph().graph_def)
    request = TrunkRequest(
        weights=str(path), precision="float32", graph_input="DecodeJpeg/contents:0", graph_output="pool_3/_reshape:0"
    )
    loaded = load_trunk(tmp_path, request, buckets=(1, 2))
    pixels = np.stack([loaded.prepare(encoded(texture(40, 30, seed))).pixels for seed in range(3)])
    made, vectors = run_exported(tmp_path, loaded, pixels)
    assert (made.height_px, made.width_px, made.dimensions) == (16, 16, 8)
    assert np.allclose(vectors, loaded.trunk(pixels), atol=1e-5)

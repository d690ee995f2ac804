"""Frozen graphs whose shape takes no batch: told when they are opened, and still run whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from frozen_graphs import add_constant, add_node, add_preparation, add_reshape, encoded, texture, write_graph

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.graphdef.opening import open_graph
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def refuse(tmp_path: Path) -> Callable[..., GraftError]:
    """Open a graph, or a file's bytes, and return the error."""

    def refused(content: Any, **options: Any) -> GraftError:
        path = tmp_path / "graph.pb"
        path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
        with pytest.raises(GraftError) as caught:
            open_graph(path, limits=DecodeLimits(), **options)
        return caught.value

    return refused


def _headless(shape_of_reshape: list[int], *, resized: bool = True) -> Any:
    """Decoding, and a pool with a reshape in the middle of what follows."""
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph_def = GraphDef()
    graph_def.versions.producer = 8
    add_preparation(graph_def, 4)
    if not resized:  # the size is computed, not constant
        del graph_def.node[:]
        add_constant(graph_def, "DecodeJpeg/contents", b"")
        add_node(graph_def, "DecodeJpeg", "DecodeJpeg", "DecodeJpeg/contents", channels=3)
        add_node(graph_def, "Cast", "Cast", "DecodeJpeg", SrcT=tf.uint8, DstT=tf.float32)
        add_constant(graph_def, "axes", np.array([0, 1], np.int32))
        add_node(graph_def, "pool_3", "Mean", "Cast", "axes", T=tf.float32, Tidx=tf.int32)
        add_reshape(graph_def, "pool_3", 3)
        return graph_def
    add_constant(graph_def, "flat", np.array(shape_of_reshape, np.int32))
    add_node(graph_def, "middle", "Reshape", "Mul", "flat", T=tf.float32, Tshape=tf.int32)
    add_node(graph_def, "relu", "Relu", "middle", T=tf.float32)
    add_reshape(graph_def, "relu", 48)
    return graph_def


def test_a_reshape_in_the_middle_takes_no_batch(refuse: Callable[..., GraftError], tmp_path: Path) -> None:
    """Batches are refused with the mode that works, and it does work."""
    graph_def = _headless([1, 48])
    error = refuse(graph_def)
    assert error.reason == "GRAPH_NOT_BATCHABLE"
    assert "--graph-mode faithful" in error.message
    opened = open_graph(write_graph(tmp_path / "one.pb", graph_def), mode="faithful", limits=DecodeLimits())
    item = opened.prepare(encoded(texture(9, 9))).pixels
    assert opened.run(np.stack([item, item])).shape == (2, 48)


def test_pictures_that_mix_in_a_batch_are_noticed(refuse: Callable[..., GraftError]) -> None:
    """A graph that normalises over the whole batch would give vectors that depend on the neighbours."""
    import tensorflow as tf

    graph_def = _headless([-1, 48])
    graph_def.node[-3].ClearField("input")  # relu takes the difference to the batch's mean instead
    del graph_def.node[-3:]
    add_constant(graph_def, "axis", np.array([0], np.int32))
    add_node(graph_def, "mean", "Mean", "middle", "axis", T=tf.float32, Tidx=tf.int32)
    add_node(graph_def, "relu", "Sub", "middle", "mean", T=tf.float32)
    add_reshape(graph_def, "relu", 48)
    error = refuse(graph_def)
    assert error.reason == "GRAPH_NOT_BATCHABLE"
    assert "beside it" in error.message


def test_without_a_constant_size_only_the_whole_graph_runs(refuse: Callable[..., GraftError], tmp_path: Path) -> None:
    """Its preprocessing has an id that claims no size."""
    graph_def = _headless([], resized=False)
    assert "--graph-mode faithful" in refuse(graph_def).message
    opened = open_graph(write_graph(tmp_path / "one.pb", graph_def), mode="faithful", limits=DecodeLimits())
    assert (opened.preprocessing, opened.input_size_px, opened.dimensions) == ("tf-decode-whole-v1", 0, 3)
    pixels = texture(20, 10)
    vector = opened.run(np.stack([opened.prepare(encoded(pixels, "PNG")).pixels]))
    assert np.allclose(vector[0], pixels.mean(axis=(0, 1)), atol=1e-3)

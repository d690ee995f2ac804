"""Loading a frozen graph: its file is checked and kept, and both ways of running it are one trunk."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from feature_extractor.trunks.engines import graph_trunks
from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.weights.graphs import find_graph, keep_graph
from feature_extractor.trunks.weights.record import RECORD_NAME, TrunkRecord, TrunkRequest
from graft.errors import DataLossError, FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path


def write_graph(path: Path, factor: float = 2.0) -> Path:
    """A graph that decodes a JPEG, resizes it to 8 x 8, multiplies and averages over positions, one picture a run."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        contents = tf.compat.v1.placeholder(tf.string, (), name="DecodeJpeg/contents")
        decoded = tf.io.decode_jpeg(contents, channels=3, name="DecodeJpeg")
        batch = tf.expand_dims(tf.cast(decoded, tf.float32), 0)
        resized = tf.compat.v1.image.resize_bilinear(batch, (8, 8), name="ResizeBilinear")
        pooled = tf.reduce_mean(resized * factor, axis=(1, 2), keepdims=True, name="pool_3")
        tf.reshape(pooled, (1, 3), name="pool_3/_reshape")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def jpeg(red: int) -> bytes:
    """A picture of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (20, 10), (red, 50, 60)).save(content, "JPEG")
    return content.getvalue()


@pytest.mark.tensorflow
def test_both_modes_are_one_trunk(tmp_path: Path) -> None:
    """The fingerprint, the record and the vectors are the same; the graph decodes the picture itself."""
    request = TrunkRequest(str(write_graph(tmp_path / "my.pb")), precision="float32")
    batched = load_trunk(tmp_path / "home", request, graph_mode="batched")
    faithful = load_trunk(tmp_path / "home", request, graph_mode="faithful")
    found = []
    for loaded in (batched, faithful):
        loaded.trunk.warm_up()
        found.append(loaded.trunk(np.stack([loaded.prepare(jpeg(red), ()).pixels for red in (10, 250, 90)])))
    assert np.allclose(found[0], found[1], rtol=1e-4)
    assert found[0].shape == (3, 3)
    assert np.allclose(found[0][1], [500, 100, 120], atol=8)
    assert batched.resolution == faithful.resolution
    identity = batched.trunk.identity
    assert (identity.layer, identity.engine, identity.input_size_px) == ("pool_3/_reshape:0", "tensorflow", 8)
    assert faithful.trunk.buckets == (1,)


@pytest.mark.tensorflow
def test_a_home_goes_on_without_the_file(tmp_path: Path) -> None:
    """The copy serves when the file has gone; a copy that was damaged does not."""
    path = write_graph(tmp_path / "my.pb")
    home, request = tmp_path / "home", TrunkRequest(str(path), precision="float32")
    first = load_trunk(home, request).resolution
    path.unlink()
    assert load_trunk(home, request).resolution == first
    (kept,) = (home / "weights").glob("graph-*.pb")
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(DataLossError, match=kept.name) as damaged:
        load_trunk(home, request)
    assert damaged.value.reason == "WEIGHTS_DAMAGED"
    kept.unlink()
    with pytest.raises(FailedPreconditionError, match=r"there is no graph file .*my\.pb") as missing:
        load_trunk(home, request)
    assert missing.value.reason == "WEIGHTS_MISSING"


@pytest.mark.tensorflow
def test_another_file_under_the_name_is_refused(tmp_path: Path) -> None:
    """A graph with another SHA-256 than the recorded one stops the start, and its content is not looked at."""
    path = write_graph(tmp_path / "my.pb")
    home, request = tmp_path / "home", TrunkRequest(str(path), precision="float32")
    load_trunk(home, request)
    path.write_bytes(b"no graph at all")
    with pytest.raises(FailedPreconditionError, match="Put the old weights back") as caught:
        load_trunk(home, request)
    assert caught.value.reason == "WEIGHTS_CHANGED"
    write_graph(path, factor=3.0)
    with pytest.raises(FailedPreconditionError, match="Put the old weights back"):
        load_trunk(home, request)


@pytest.mark.tensorflow
def test_the_bytes_that_were_identified_are_those_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is replaced after it was read changes neither the trunk nor the copy."""
    path, other = write_graph(tmp_path / "my.pb"), write_graph(tmp_path / "other.pb", factor=3.0)
    content = path.read_bytes()
    found = graph_trunks.find_graph

    def find_and_replace(*arguments: Any) -> Any:
        file = found(*arguments)
        other.replace(path)
        return file

    monkeypatch.setattr(graph_trunks, "find_graph", find_and_replace)
    loaded = load_trunk(tmp_path / "home", TrunkRequest(str(path), precision="float32"))
    vector = loaded.trunk(np.stack([loaded.prepare(jpeg(250), ()).pixels]))[0]
    assert np.allclose(vector, [500, 100, 120], atol=8)
    assert loaded.trunk.identity.weights_sha256 == hashlib.sha256(content).hexdigest()
    (kept,) = (tmp_path / "home" / "weights").glob("graph-*.pb")
    assert kept.read_bytes() == content


@pytest.mark.tensorflow
def test_another_precision_takes_the_same_file_only(tmp_path: Path) -> None:
    """The SHA-256 counts for every request that names the file."""
    path, home = write_graph(tmp_path / "my.pb"), tmp_path / "home"
    load_trunk(home, TrunkRequest(str(path), precision="float32"))
    write_graph(path, factor=3.0)
    with pytest.raises(FailedPreconditionError) as caught:
        load_trunk(home, TrunkRequest(str(path), precision="auto"))
    assert caught.value.reason == "WEIGHTS_CHANGED"


@pytest.mark.tensorflow
def test_a_tensor_has_one_spelling(tmp_path: Path) -> None:
    """With `:0` or without it is one trunk, also in a home whose record has it without, which stays as it is."""
    path, home = write_graph(tmp_path / "my.pb"), tmp_path / "home"
    short = TrunkRequest(str(path), "", "float32", graph_input="DecodeJpeg/contents", graph_output="pool_3/_reshape")
    long = TrunkRequest(str(path), "", "float32")
    assert load_trunk(home, short).resolution == load_trunk(home, long).resolution
    old = load_trunk(home, long).resolution
    old = replace(old, request=short, identity=replace(old.identity, layer="pool_3/_reshape"))
    TrunkRecord(tmp_path / "old" / "weights" / RECORD_NAME).add(old)
    assert load_trunk(tmp_path / "old", long).resolution == old
    assert load_trunk(tmp_path / "old", short).resolution == old


def test_copies_are_kept_whole(tmp_path: Path) -> None:
    """One that is there stays as it is, one that was damaged or lost is written again from the file."""
    own, folder = tmp_path / "my.pb", tmp_path / "weights"
    own.write_bytes(b"a graph")
    file = find_graph(own, folder, "")
    keep_graph(file, folder)
    (kept,) = folder.iterdir()
    before = kept.stat().st_ino
    keep_graph(file, folder)
    assert kept.stat().st_ino == before
    for harm in (lambda: kept.write_bytes(b"other"), kept.unlink):
        harm()
        keep_graph(find_graph(own, folder, file.sha256), folder)
        assert kept.read_bytes() == b"a graph"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nor is anything else read that is no file."""
    os.mkfifo(tmp_path / "pipe.pb")
    with pytest.raises(FailedPreconditionError, match="not a regular file") as caught:
        find_graph(tmp_path / "pipe.pb", tmp_path, "")
    assert caught.value.reason == "GRAPH_UNREADABLE"
    with pytest.raises(FailedPreconditionError, match="cannot be read"):
        find_graph(tmp_path, tmp_path, "")


def test_a_graph_that_was_never_there(tmp_path: Path) -> None:
    """A first start without the file names it and records nothing."""
    with pytest.raises(FailedPreconditionError, match=r"there is no graph file .*none\.pb"):
        load_trunk(tmp_path / "home", TrunkRequest(str(tmp_path / "none.pb")))
    assert not (tmp_path / "home").exists()

"""A head's arrays, forward pass and files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graft.errors import DataLossError
from trainer.registry import heads


def _network() -> heads.Network:
    rng = np.random.default_rng(0)
    layers = (
        heads.Layer(rng.normal(size=(5, 4)).astype("f4"), rng.normal(size=4).astype("f4"), "relu"),
        heads.Layer(rng.normal(size=(4, 3)).astype("f4"), rng.normal(size=3).astype("f4"), "linear"),
    )
    return heads.Network(rng.normal(size=5).astype("f4"), rng.uniform(1, 2, 5).astype("f4"), layers)


def _files(tensors: bytes) -> dict[str, bytes]:
    return {heads.TENSORS_FILE: tensors}


def test_forward_pass_is_as_documented() -> None:
    """Standardise, layers, ReLU and softmax give what the formula says."""
    one = np.float32(1)
    layer = heads.Layer(np.array([[1, -1]], "f4"), np.array([0, 0], "f4"), "relu")
    network = heads.Network(np.array([2], "f4"), np.array([4], "f4"), (layer,))
    assert heads.logits(network, np.array([[6]], "f4")).tolist() == [[one, 0]]
    e = np.exp(1)
    assert heads.predict(network, np.array([[6]], "f4"))[0] == pytest.approx([e / (e + 1), 1 / (e + 1)])


def test_probabilities_of_huge_logits_are_finite() -> None:
    """Logits too large for an exponential still give probabilities that sum to 1."""
    layer = heads.Layer(np.array([[1, -1]], "f4"), np.zeros(2, "f4"), "linear")
    network = heads.Network(np.zeros(1, "f4"), np.ones(1, "f4"), (layer,))
    assert heads.predict(network, np.array([[1e30]], "f4")).tolist() == [[1, 0]]


def test_files_hold_the_network() -> None:
    """What is read from the two files computes exactly what was written."""
    network = _network()
    tensors = heads.tensors_bytes(network)
    again = heads.read_network(heads.manifest_bytes({"labels": ["a", "b", "č"]}, network, _files(tensors)), tensors)
    vectors = np.random.default_rng(1).normal(size=(7, 5)).astype("f4")
    assert (heads.predict(again, vectors) == heads.predict(network, vectors)).all()


def test_manifest_tells_shapes_and_checksum() -> None:
    """The manifest has the format, the layers' shapes and the facts it was given."""
    network = _network()
    manifest = json.loads(heads.manifest_bytes({"labels": ["č"]}, network, _files(heads.tensors_bytes(network))))
    assert (manifest["format"], manifest["format_version"], manifest["dimensions"]) == ("graft.head", 1, 5)
    assert manifest["layers"][1] == {"inputs": 4, "outputs": 3, "activation": "linear"}
    assert manifest["labels"] == ["č"]


def test_same_arrays_same_bytes() -> None:
    """The file of a network does not depend on when it is written."""
    assert heads.tensors_bytes(_network()) == heads.tensors_bytes(_network())


@pytest.mark.parametrize("place", [0, 50, -1])
def test_one_wrong_byte_is_noticed(place: int) -> None:
    """A tensors file with one byte changed is refused."""
    network = _network()
    tensors = bytearray(heads.tensors_bytes(network))
    manifest = heads.manifest_bytes({}, network, _files(bytes(tensors)))
    tensors[place] ^= 1
    with pytest.raises(DataLossError) as caught:
        heads.read_network(manifest, bytes(tensors))
    assert caught.value.reason == "HEAD_DAMAGED"


def test_half_a_manifest_is_refused() -> None:
    """A manifest that ends early is damage, not a crash."""
    network = _network()
    tensors = heads.tensors_bytes(network)
    with pytest.raises(DataLossError):
        heads.read_network(heads.manifest_bytes({}, network, _files(tensors))[:-20], tensors)

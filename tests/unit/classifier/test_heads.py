"""Heads from their files, and their arithmetic."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import pytest

from classifier.heads import read_head
from graft.errors import DataLossError


@pytest.mark.parametrize("activations", [("relu", "linear"), ("relu", "relu")])
def test_probabilities_are_those_of_the_layers(make_head: Any, activations: tuple[str, str]) -> None:
    """Standardise, multiply, ReLU where the manifest says so, softmax: as written out in float64."""
    files = make_head(activations=activations)
    vectors = np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)
    a = {name: array.astype(np.float64) for name, array in files.arrays.items()}
    hidden = np.maximum(
        (vectors - a["standardisation.mean"]) / a["standardisation.scale"] @ a["layers.0.weight"] + a["layers.0.bias"],
        0,
    )
    logits = hidden @ a["layers.1.weight"] + a["layers.1.bias"]
    if activations[1] == "relu":
        logits = np.maximum(logits, 0)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(read_head(files.manifest, files.tensors).probabilities(vectors), expected, atol=1e-6)


def test_facts_come_from_the_manifest(make_head: Any) -> None:
    """Labels keep their order; fingerprint and dimensions are the manifest's."""
    head = read_head(*dataclasses.astuple(make_head(labels=("z", "a", "m")))[1:3])
    assert (head.labels, head.dimensions, head.fingerprint) == (("z", "a", "m"), 4, bytes(range(16)))


def test_a_flipped_bit_in_the_tensors_is_found(make_head: Any) -> None:
    """Tensors that do not have the manifest's SHA-256 are refused."""
    files = make_head()
    damaged = files.tensors[:-1] + bytes([files.tensors[-1] ^ 1])
    with pytest.raises(DataLossError, match="SHA-256"):
        read_head(files.manifest, damaged)


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["only one"]},
        {"dimensions": 5},
        {"fingerprint": "no hex"},
        {"format": "other"},
        {"format_version": 2},
        {"activations": ("gelu", "linear")},
        {"layers": [{"inputs": 4, "outputs": 8, "activation": "relu"}]},
    ],
)
def test_files_that_do_not_fit_together_are_refused(make_head: Any, changes: dict[str, Any]) -> None:
    """A manifest that contradicts its tensors, or asks for what is not known, is an error and never a wrong answer."""
    files = make_head(**changes)
    with pytest.raises(DataLossError):
        read_head(files.manifest, files.tensors)


@pytest.mark.parametrize("manifest", [b"", b"{}", b"[1]", b"\xff", b"null"])
def test_a_manifest_that_is_none_is_refused(make_head: Any, manifest: bytes) -> None:
    """Whatever the bytes are, the error is one that the follower knows."""
    with pytest.raises(DataLossError):
        read_head(manifest, make_head().tensors)


def test_a_scale_of_zero_is_refused(make_head: Any) -> None:
    """It would make every answer infinite or no number."""
    files = make_head(scale=0)
    with pytest.raises(DataLossError, match="scale"):
        read_head(files.manifest, files.tensors)


def test_tensors_that_are_none_are_refused(make_head: Any) -> None:
    """A right checksum over something that is not safetensors does not help."""
    files = {"head.safetensors": {"sha256": hashlib.sha256(b"junk").hexdigest(), "size_bytes": 4}}
    facts = json.loads(make_head().manifest) | {"files": files}
    with pytest.raises(DataLossError):
        read_head(json.dumps(facts).encode(), b"junk")

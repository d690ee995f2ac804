"""A head: its fully-connected layers as arrays, its forward pass, and its two files.

The files of a version, format `graft.head` version 1:

head.safetensors (https://github.com/huggingface/safetensors), every tensor float32:

    standardisation.mean    [dimensions]
    standardisation.scale   [dimensions], each above 0
    layers.I.weight         [inputs, outputs], I = 0, 1, 2 … without a gap
    layers.I.bias           [outputs]

The forward pass of a vector x float32[dimensions], all in float32:

    h = (x - mean) / scale
    for each layer in order:  h = h @ weight + bias;  if its activation is "relu":  h = max(h, 0)
    probabilities = exp(h - max(h)) / sum(exp(h - max(h)))

Layer 0 has inputs = dimensions, each layer's inputs are the outputs of the one before, the last layer's outputs are
the labels, in the order of `labels`. The last layer may be "relu" too (recipe `seed`).

manifest.json, UTF-8, one object; a reader ignores keys that it does not know and refuses another format_version:

    format           "graft.head"
    format_version   1
    classifier       name of the classifier
    version          its version, 1 or more
    labels           the labels, different from each other, in output order
    fingerprint      of the trunk whose vectors it takes: 32 lower-case hex digits
    dimensions       length of those vectors
    layers           [{"inputs": int, "outputs": int, "activation": "relu" | "linear"}, …]
    recipe           the settings it was trained with; "kind" names the recipe
    seed             the recipe's seed
    dataset          {"name", "snapshot_sha256": 64 hex digits, "training", "validation", "test": numbers of examples}
    training         {"steps", "epochs", "stop_reason"}
    search           recipe `auto` alone: {"chosen": the recipe that was trained, "trials": [{"recipe", "rung", "folds",
                     "accuracy", "log_loss", "seconds"}, …], "cut": recipes that the time budget left no time for,
                     "pictures": how many were cut into folds, "folds", "seconds"}
    metrics          {"test": {"examples", "correct", "accuracy", "accuracy_low", "accuracy_high",
                     "interval": "wilson-95", "confusion_matrix": rows are the true label}}
    created_ms       milliseconds since 1970 UTC
    code_version     version of Graft that wrote it
    files            {"head.safetensors": {"sha256": 64 hex digits, "size_bytes": int}}
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from graft.errors import DataLossError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "graft.head"
FORMAT_VERSION = 1
TENSORS_FILE = "head.safetensors"
MANIFEST_FILE = "manifest.json"

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One fully-connected layer: weight float32[inputs, outputs], bias float32[outputs], "relu" or "linear"."""

    weight: FloatArray
    bias: FloatArray
    activation: str


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The arrays of a head: mean and scale float32[dimensions] of the inputs, then the layers."""

    mean: FloatArray
    scale: FloatArray
    layers: tuple[Layer, ...]


def logits(network: Network, vectors: FloatArray) -> FloatArray:
    """Return float32[n, classes] for vectors float32[n, dimensions]."""
    h = (vectors - network.mean) / network.scale  # [n, dimensions]
    for layer in network.layers:
        h = h @ layer.weight + layer.bias  # [n, outputs]
        if layer.activation == "relu":
            h = np.maximum(h, 0)
    return h


def predict(network: Network, vectors: FloatArray) -> FloatArray:
    """Return probabilities float32[n, classes] for vectors float32[n, dimensions]; each row sums to 1."""
    h = logits(network, vectors)
    e = np.exp(h - h.max(axis=1, keepdims=True))  # the largest exponent is 0, so nothing overflows
    return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)


def tensors_bytes(network: Network) -> bytes:
    """Return head.safetensors; the same arrays give the same bytes."""
    tensors = {"standardisation.mean": network.mean, "standardisation.scale": network.scale}
    for index, layer in enumerate(network.layers):
        tensors[f"layers.{index}.weight"] = layer.weight
        tensors[f"layers.{index}.bias"] = layer.bias
    return bytes(safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))


def manifest_bytes(facts: Mapping[str, Any], network: Network, tensors: bytes) -> bytes:
    """Return manifest.json: `facts` (what the network does not tell) with the format, shapes and checksum added."""
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **facts,
        "dimensions": len(network.mean),
        "layers": [
            {"inputs": layer.weight.shape[0], "outputs": layer.weight.shape[1], "activation": layer.activation}
            for layer in network.layers
        ],
        "files": {TENSORS_FILE: {"sha256": hashlib.sha256(tensors).hexdigest(), "size_bytes": len(tensors)}},
    }
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def read_network(manifest: bytes, tensors: bytes) -> Network:
    """Return the network in a version's two files.

    Raises:
        DataLossError: reason HEAD_DAMAGED; the files do not agree, or are no head of this format.
    """
    try:
        facts = json.loads(manifest)
        check_tensors(facts, tensors)
        arrays = safetensors.numpy.load(tensors)
        layers = tuple(
            Layer(arrays[f"layers.{index}.weight"], arrays[f"layers.{index}.bias"], str(shape["activation"]))
            for index, shape in enumerate(facts["layers"])
        )
        return Network(arrays["standardisation.mean"], arrays["standardisation.scale"], layers)
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise DataLossError(f"a head's files are damaged: {error!r}", reason="HEAD_DAMAGED") from error


def check_tensors(facts: Mapping[str, Any], tensors: bytes) -> None:
    """Check head.safetensors against what the parsed manifest says of it.

    Raises:
        DataLossError: reason HEAD_DAMAGED; size or SHA-256 differ.
    """
    entry = facts["files"][TENSORS_FILE]
    if len(tensors) != entry["size_bytes"] or hashlib.sha256(tensors).hexdigest() != entry["sha256"]:
        raise DataLossError(
            f"{TENSORS_FILE} of {facts.get('classifier')}@{facts.get('version')} is not the file its manifest names: "
            "restore it from a backup, or delete the version and train again",
            reason="HEAD_DAMAGED",
        )

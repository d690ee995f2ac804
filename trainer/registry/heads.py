"""A head: its fully-connected layers as arrays, its forward pass, and its files.

The files of a version, format `graft.head` version 1:

head.safetensors (https://github.com/huggingface/safetensors), every tensor float32:

    standardisation.mean    [dimensions]
    standardisation.scale   [dimensions], each above 0
    layers.I.weight         [inputs, outputs], I = 0, 1, 2 … without a gap
    layers.I.bias           [outputs]
    unknown.mean            [dimensions]        these five are there if the manifest has `unknown`: how vectors of no
    unknown.projection      [dimensions, r]     known class are told, formulas in `trainer.registry.unknown_rule`
    unknown.whitening       [r, r]
    unknown.centres         [labels, r]
    unknown.background      [r]
    golden.vectors          [g, dimensions]     inputs, with outputs that whoever loads the head must agree
    golden.probabilities    [g, labels]         with, within 1e-3; a head without them is not compared. The scores
    golden.unknown_scores   [g]                 are there if the manifest has `unknown`

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
    calibration      {"temperature": what the last layer was divided by, "held_out_examples", "folds",
                     "held_out_log_loss_before", "held_out_log_loss_after"; of the test part "log_loss_before",
                     "log_loss_after", "calibration_error_before", "calibration_error_after"}
    metrics          {"test": {"examples", "correct", "accuracy", "accuracy_low", "accuracy_high",
                     "interval": "wilson-95", "top_k": {"1": share, …}, "log_loss", "brier", "calibration_error",
                     "calibration_error_by_chance", "calibration_error_bins", "classes": [{"precision", "recall", "f1",
                     "support"}, …] in the order of the labels, "confusion": [[true label, answer, count], …] as
                     indices},
                     "unknown": {"classes_left_out", "auroc", "max_probability_auroc", "known_examples",
                     "unknown_examples", "test_verdicts": {"known", "known_correct", "uncertain", "unknown"} or null}}
    unknown          {"residual_weight", "slope", "offset", "accept", "reject", "minimum_probability",
                     "false_accept_rate"}; null if there were too few pictures to set thresholds by
    created_ms       milliseconds since 1970 UTC
    code_version     version of Graft that wrote it
    files            {"head.safetensors": {"sha256": 64 hex digits, "size_bytes": int}, "evaluation.json": the same}

evaluation.json, if the manifest names it, holds the longer findings for reports; docs/evaluation.md describes it.
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
from trainer.registry.golden import TOLERANCE, GoldenSet
from trainer.registry.unknown_rule import UnknownRule, unknown_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = "graft.head"
FORMAT_VERSION = 1
TENSORS_FILE = "head.safetensors"
MANIFEST_FILE = "manifest.json"
EVALUATION_FILE = "evaluation.json"

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


@dataclass(frozen=True, slots=True, eq=False)
class Companions:
    """What goes with a network into a version.

    Attributes:
        rule: how it tells vectors of no known class; None if it does not.
        golden: what whoever loads it compares itself with; None for nothing.
        evaluation: content of evaluation.json; empty for no such file.
    """

    rule: UnknownRule | None = None
    golden: GoldenSet | None = None
    evaluation: bytes = b""


NONE = Companions()


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


def golden_set(network: Network, rule: UnknownRule | None, vectors: FloatArray) -> GoldenSet:
    """Return these vectors float32[g, dimensions] with what the head makes of them."""
    return GoldenSet(vectors, predict(network, vectors), None if rule is None else unknown_scores(rule, vectors))


def tensors_bytes(network: Network, rule: UnknownRule | None = None, golden: GoldenSet | None = None) -> bytes:
    """Return head.safetensors; the same arrays give the same bytes."""
    tensors = {"standardisation.mean": network.mean, "standardisation.scale": network.scale}
    for index, layer in enumerate(network.layers):
        tensors[f"layers.{index}.weight"] = layer.weight
        tensors[f"layers.{index}.bias"] = layer.bias
    tensors |= rule.tensors() if rule else {}
    tensors |= golden.tensors() if golden else {}
    return bytes(safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))


def manifest_bytes(
    facts: Mapping[str, Any], network: Network, files: Mapping[str, bytes], rule: UnknownRule | None = None
) -> bytes:
    """Return manifest.json: `facts` (what the head does not tell) with format, shapes and checksums added.

    Args:
        facts: the keys that are not added here.
        network: the head's layers.
        files: what it names, by name.
        rule: the head's unknown rule.
    """
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **facts,
        "dimensions": len(network.mean),
        "layers": [
            {"inputs": layer.weight.shape[0], "outputs": layer.weight.shape[1], "activation": layer.activation}
            for layer in network.layers
        ],
        "unknown": rule.to_dict() if rule else None,
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
            for name, content in files.items()
        },
    }
    return (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode()


def read_network(manifest: bytes, tensors: bytes) -> Network:
    """Return the network in a version's two files, after it agreed with its golden set.

    Raises:
        DataLossError: reason HEAD_DAMAGED; the files do not agree, or are no head of this format. HEAD_DISAGREES; the
            files are what was written, but this program computes something else from them.
    """
    try:
        facts = json.loads(manifest)
        check_file(facts, TENSORS_FILE, tensors)
        arrays = safetensors.numpy.load(tensors)
        layers = tuple(
            Layer(arrays[f"layers.{index}.weight"], arrays[f"layers.{index}.bias"], str(shape["activation"]))
            for index, shape in enumerate(facts["layers"])
        )
        network = Network(arrays["standardisation.mean"], arrays["standardisation.scale"], layers)
        numbers, golden = facts.get("unknown"), GoldenSet.read(arrays)
        rule = UnknownRule.read(numbers, arrays) if numbers else None
        name = f"{facts.get('classifier')}@{facts.get('version')}"
        difference = _difference(network, rule, golden) if golden else 0.0
    except (KeyError, TypeError, ValueError, safetensors.SafetensorError) as error:
        raise DataLossError(f"a head's files are damaged: {error!r}", reason="HEAD_DAMAGED") from error
    if difference > TOLERANCE:
        raise DataLossError(
            f"{name} does not compute what it did when it was trained: its golden set differs by {difference:.1e}, "
            f"more than {TOLERANCE:.0e}; run the version of Graft that trained it, or train again",
            reason="HEAD_DISAGREES",
        )
    return network


def _difference(network: Network, rule: UnknownRule | None, golden: GoldenSet) -> float:
    """Return how far a head's outputs are from those that travel with it."""
    scores = None if rule is None else unknown_scores(rule, golden.vectors)
    return golden.difference(predict(network, golden.vectors), scores)


def check_file(facts: Mapping[str, Any], name: str, content: bytes) -> None:
    """Check a file of a version against what the parsed manifest says of it.

    Raises:
        DataLossError: reason HEAD_DAMAGED; size or SHA-256 differ.
    """
    entry = facts["files"][name]
    if len(content) != entry["size_bytes"] or hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise DataLossError(
            f"{name} of {facts.get('classifier')}@{facts.get('version')} is not the file its manifest names: "
            "restore it from a backup, or delete the version and train again",
            reason="HEAD_DAMAGED",
        )

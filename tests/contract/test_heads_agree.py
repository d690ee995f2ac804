"""A head as the trainer writes it, read by the classifier: two programs, one format."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from classifier.heads import read_head
from classifier.verdicts import Verdict
from graft.errors import DataLossError
from trainer.evaluation.held_out import HeldOut
from trainer.evaluation.unknown import find_unknown_rule, verdict_counts
from trainer.registry import heads
from trainer.registry.unknown_rule import UnknownRule, distances, unknown_scores

_CLASSES = 4


def _pictures(each: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).uniform(0, 4, (_CLASSES, 30))
    labels = np.repeat(np.arange(_CLASSES), each)
    return np.maximum(centres[labels] + rng.normal(0, 0.6, (len(labels), 30)), 0).astype("f4"), labels


def _network() -> heads.Network:
    rng = np.random.default_rng(0)
    layers = (
        heads.Layer(rng.normal(size=(30, 8)).astype("f4"), rng.normal(size=8).astype("f4"), "relu"),
        heads.Layer(rng.normal(size=(8, _CLASSES)).astype("f4"), rng.normal(size=_CLASSES).astype("f4"), "linear"),
    )
    return heads.Network(np.full(30, 2, "f4"), np.full(30, 1.5, "f4"), layers)


def _rule() -> UnknownRule:
    vectors, labels = _pictures(25, 1)
    none = HeldOut(np.zeros(0, int), np.zeros((0, _CLASSES), "f4"), 0)
    found = find_unknown_rule(
        vectors, labels, np.arange(len(labels)), _CLASSES, none, false_accept_rate=0.05, seed=0, look=lambda: None
    ).rule
    assert found is not None
    return found


def _files(network: heads.Network, rule: UnknownRule | None, spoil: Any = None) -> tuple[bytes, bytes]:
    """Return (manifest, tensors), the arrays changed by `spoil` before they are written."""
    golden = heads.golden_set(network, rule, _pictures(2, 3)[0])
    arrays = safetensors.numpy.load(heads.tensors_bytes(network, rule, golden))
    if spoil:
        spoil(arrays)
    tensors = safetensors.numpy.save(arrays)
    facts = {"labels": ["a", "b", "c", "d"], "fingerprint": "00" * 16, "classifier": "x", "version": 1}
    return heads.manifest_bytes(facts, network, {heads.TENSORS_FILE: tensors}, rule), tensors


def test_both_compute_the_same() -> None:
    """Probabilities, distances, scores and verdicts of the classifier are the trainer's."""
    network, rule = _network(), _rule()
    head = read_head(*_files(network, rule))
    vectors, labels = _pictures(50, 2)
    with np.errstate(over="ignore", invalid="ignore"):
        vectors = np.concatenate([vectors, vectors[::2] + 2, vectors[:20] * np.float32(1e37)])
        probabilities = heads.predict(network, vectors)
    np.testing.assert_array_equal(head.probabilities(vectors), probabilities)
    assert head.rule is not None
    found = head.rule.distances(vectors)
    np.testing.assert_array_equal(found, distances(rule.directions, vectors))
    np.testing.assert_array_equal(head.rule.scores(found), unknown_scores(rule, vectors))
    verdicts = head.rule.verdicts(found, probabilities.max(axis=1))
    counts = verdict_counts(rule, vectors, probabilities, np.zeros(len(vectors), int))
    assert [verdicts.count(each) for each in Verdict] == [counts["known"], counts["uncertain"], counts["unknown"]]
    assert min(counts["known"], counts["uncertain"], counts["unknown"]) > 0
    assert len(labels) == 200


def test_a_head_without_a_rule_is_read_by_both() -> None:
    """There is a golden set all the same, without scores."""
    files = _files(_network(), None)
    assert read_head(*files).rule is None
    assert len(heads.read_network(*files).layers) == 2


@pytest.mark.parametrize(
    "name",
    ["layers.0.weight", "standardisation.mean", "unknown.projection", "unknown.whitening", "golden.probabilities"],
)
def test_both_refuse_a_head_that_computes_something_else(name: str) -> None:
    """Files whose checksums fit but whose numbers are not those the golden set was made with are refused."""

    def spoil(arrays: dict[str, Any]) -> None:
        arrays[name] = arrays[name] * np.float32(0.5)

    files = _files(_network(), _rule(), spoil)
    for read in (heads.read_network, read_head):
        with pytest.raises(DataLossError, match="golden set") as caught:
            read(*files)
        assert caught.value.reason == "HEAD_DISAGREES"


def test_a_rule_that_does_not_fit_is_damage() -> None:
    """A rule for another number of labels is refused by the classifier."""

    def spoil(arrays: dict[str, Any]) -> None:
        arrays["unknown.centres"] = arrays["unknown.centres"][:-1]

    with pytest.raises(DataLossError, match=r"unknown\.centres"):
        read_head(*_files(_network(), _rule(), spoil))


def test_the_manifest_names_each_file_with_its_checksum() -> None:
    """A reader of the manifest can check the tensors."""
    manifest, tensors = _files(_network(), _rule())
    entry = json.loads(manifest)["files"]["head.safetensors"]
    assert entry == {"sha256": hashlib.sha256(tensors).hexdigest(), "size_bytes": len(tensors)}

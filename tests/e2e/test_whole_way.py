"""From a folder of pictures to labels with a trained trunk: import, training, recognition, each as people do it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from processes import wait_until
from textures import LABELS, texture

from graft.client import Part
from graft.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from graft.client import Client

pytestmark = [pytest.mark.tensorflow, pytest.mark.weights, pytest.mark.timeout(300)]


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, solved for from |p - right/of| = 1.96 sqrt(p (1 - p) / of)."""
    z2 = 1.959963984540054**2
    a, b, c = of + z2, -(2 * right + z2), right * right / of
    root = math.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def test_a_folder_is_computed_once(trained: Any) -> None:
    """The first import adds and computes every picture, the second changes and computes nothing."""
    first, second = trained.first_import, trained.second_import
    assert (first["total"], first["added"], first["computed"], first["refused"]) == (120, 120, 120, [])
    assert (second["total"], second["added"], second["unchanged"], second["computed"]) == (120, 0, 120, 0)


def test_the_head_does_far_better_than_chance(trained: Any, client: Client) -> None:
    """Of six labels it finds the right one for at least four of five pictures of the whole test part."""
    metrics = trained.training["version"]["metrics"]
    assert metrics["test_examples"] == client.dataset("textures").part_sizes()[Part.TEST] >= 12
    assert metrics["accuracy"] >= 0.8
    assert trained.training["served"]


@pytest.mark.usefixtures("trained")
def test_accuracy_interval_and_confusion_matrix_tell_the_same(client: Client) -> None:
    """Rows sum to the labels' test counts, the diagonal to the accuracy, and the interval is Wilson's."""
    version = client.version("textures", 1)
    metrics, counts = version.metrics, {each.label: each.test for each in client.dataset("textures").label_counts}
    assert version.labels == LABELS
    assert metrics.confusion_matrix is not None
    assert metrics.confusion_matrix.sum(1).tolist() == [counts[label] for label in LABELS]
    right = int(np.trace(metrics.confusion_matrix))
    assert metrics.accuracy == pytest.approx(right / metrics.test_examples)
    assert (metrics.accuracy_low, metrics.accuracy_high) == pytest.approx(wilson(right, metrics.test_examples))


def test_what_is_served_is_what_was_measured(trained: Any, client: Client) -> None:
    """Recognising the test part gives, picture by picture, the confusion matrix that training reported."""
    version = client.version("textures", 1)
    examples = list(client.examples("textures", part=Part.TEST))
    paths = {hashlib.sha256(path.read_bytes()).digest(): path for path in trained.folder.rglob("*.jpg")}
    results = client.classify("textures", [paths[example.digest] for example in examples])
    seen: Counter[tuple[str, str]] = Counter()
    for example, result in zip(examples, results, strict=True):
        assert result.classification
        assert (result.digest, result.cached, result.version) == (example.digest, True, 1)
        probabilities = [each.probability for each in result.classification.labels]
        assert probabilities == sorted(probabilities, reverse=True)
        assert sum(probabilities) == pytest.approx(1, abs=1e-5)
        seen[example.label, result.classification.best.label] += 1
    matrix = [[seen[truth, answer] for answer in version.labels] for truth in version.labels]
    assert version.metrics.confusion_matrix is not None
    assert version.metrics.confusion_matrix.tolist() == matrix


@pytest.mark.usefixtures("trained")
def test_a_picture_never_seen_is_recognised(stack: Any, client: Client, tmp_path: Path) -> None:
    """New pictures are computed, mostly named rightly, and the command and the client say the same."""
    paths = []
    for label in LABELS:
        paths.append(tmp_path / f"{label}.jpg")
        paths[-1].write_bytes(texture(label, 9000))
    printed = stack.graft("classify", "textures", *paths, "--top", "0")
    assert [row["cached"] for row in printed] == [False] * 6
    best = [row["classification"]["labels"][0]["label"] for row in printed]
    assert sum(answer == label for answer, label in zip(best, LABELS, strict=True)) >= 4
    for row, result in zip(printed, client.classify("textures", paths), strict=True):
        assert result.classification
        told = {each["label"]: each["probability"] for each in row["classification"]["labels"]}
        assert told == pytest.approx({each.label: each.probability for each in result.classification.labels})
        assert row["digest"] == result.digest_hex


def test_the_lists_tell_what_is_there(trained: Any, stack: Any) -> None:
    """Status, datasets, jobs and classifiers agree with what was imported and trained."""
    job, version = trained.training["job"], trained.training["version"]
    status = {row["service"]: row for row in stack.graft("status")}
    assert all(row["serving"] for row in status.values())
    assert {name: row["address"] for name, row in status.items()} == {
        name: each["address"] for name, each in stack.stages().items()
    }
    trunk = status["feature_extractor"]["trunk"]
    assert (trunk["weights"], trunk["layer"], trunk["dimensions"]) == ("nsfwjs", "mixed7", 768)
    assert trunk["fingerprint"] == version["fingerprint"]
    assert ("textures", 120) in {(each["name"], each["example_count"]) for each in stack.graft("datasets")}
    listed = {each["job_id"]: each for each in stack.graft("jobs")}[job["job_id"]]
    assert (listed["state"], listed["version"]) == ("succeeded", 1)
    assert {each["name"]: each["aliases"] for each in stack.graft("classifiers")}["textures"] == {"production": 1}


def test_vectors_are_written_to_a_file(trained: Any, stack: Any, client: Client, tmp_path: Path) -> None:
    """`graft extract` writes each picture's cached vector under its name and label."""
    out = tmp_path / "vectors.npz"
    done = stack.command("extract", trained.folder, "--out", out)
    assert done.returncode == 0, done.stderr
    with np.load(out) as file:
        names, labels, vectors = file["names"], file["labels"], file["vectors"]
    assert vectors.shape == (120, 768)
    assert [name.split("/")[0] for name in names] == labels.tolist()
    digest = hashlib.sha256((trained.folder / names[7]).read_bytes()).digest()
    assert np.array_equal(client.lookup([digest]).matrix[0], vectors[7])


@pytest.mark.usefixtures("trained")
def test_a_second_version_is_served_once_it_is_promoted(stack: Any, client: Client) -> None:
    """The first version stays in production until `graft promote` moves the alias, which takes it back as well."""
    quick = ("train", "textures", "--classifier", "moved", "--recipe", "softmax", "--steps", "100")
    assert stack.graft(*quick)["version"]["aliases"] == ["production"]
    assert stack.graft(*quick)["version"]["aliases"] == []
    picture = [texture("rings", 1)]
    assert client.classify("moved", picture)[0].version == 1
    for version in (2, 1):
        done = stack.command("promote", "moved", str(version))
        assert done.returncode == 0, done.stderr
        wait_until(lambda: client.classify("moved", picture)[0].version == version, f"version {version}")  # noqa: B023 - called at once
    assert client.classify("moved", picture, version=1)[0].version == 1
    with pytest.raises(NotFoundError) as refused:
        client.classify("moved", picture, version=2)
    assert refused.value.reason == "HEAD_NOT_FOUND"

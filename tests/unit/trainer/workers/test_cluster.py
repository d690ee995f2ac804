"""Which worker a process is, by TF_CONFIG."""

from __future__ import annotations

import json

import pytest

from trainer.workers.cluster import Place, local_configs, place_of, share


def _config(cluster: dict[str, list[str]], kind: str, index: int) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


def test_worker_0_is_the_chief() -> None:
    """Without a task `chief` it is the first worker that reports and writes."""
    cluster = {"worker": ["a:1", "b:1", "c:1"]}
    assert place_of(_config(cluster, "worker", 0)) == Place(0, 3, "worker 0")
    assert place_of(_config(cluster, "worker", 0)).chief
    assert not place_of(_config(cluster, "worker", 2)).chief


def test_a_task_chief_comes_first() -> None:
    """With a task `chief` the workers are numbered after it, as TensorFlow numbers them."""
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    assert place_of(_config(cluster, "chief", 0)) == Place(0, 3, "chief 0")
    assert place_of(_config(cluster, "worker", 0)) == Place(1, 3, "worker 0")


def test_kubeflows_own_is_understood() -> None:
    """What a TFJob of two workers puts into a container, its further keys included."""
    config = (
        '{"cluster":{"worker":["head-worker-0.ml.svc:2222","head-worker-1.ml.svc:2222"]},'
        '"task":{"type":"worker","index":1},"environment":"cloud"}'
    )
    assert place_of(config) == Place(1, 2, "worker 1")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("", "TF_CONFIG must be like"),
        ("[]", "TF_CONFIG must be like"),
        ('{"cluster": {"worker": ["a:1"]}}', "TF_CONFIG must be like"),
        (_config({"worker": ["a:1"]}, "worker", 1), "no worker 1"),
        (_config({"worker": ["a:1"], "evaluator": ["b:1"]}, "evaluator", 0), "'evaluator'"),
        (_config({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0), "parameter servers"),
    ],
)
def test_what_does_not_train_is_refused(config: str, says: str) -> None:
    """A wrong TF_CONFIG is named as such before anything begins."""
    with pytest.raises(ValueError, match=says):
        place_of(config)


def test_local_workers_find_each_other() -> None:
    """Every worker has the same addresses and an index of its own."""
    configs = [json.loads(each) for each in local_configs([7, 9])]
    assert [each["cluster"] for each in configs] == [{"worker": ["127.0.0.1:7", "127.0.0.1:9"]}] * 2
    assert [place_of(json.dumps(each)).rank for each in configs] == [0, 1]


@pytest.mark.parametrize("size", [0, 1, 2, 64, 100, 101])
@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_shares_are_even_and_whole(size: int, count: int) -> None:
    """Every row is one worker's, and no worker has more than one row more than another."""
    shares = [share(size, Place(rank, count, "")) for rank in range(count)]
    assert [row for low, high in shares for row in range(low, high)] == list(range(size))
    lengths = [high - low for low, high in shares]
    assert max(lengths) - min(lengths) <= 1

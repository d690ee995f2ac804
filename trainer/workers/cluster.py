"""Who the workers are: TF_CONFIG, as TensorFlow and Kubeflow's TFJob set it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

_KINDS: Final = ("chief", "worker")
"""Kinds of task that train, in the order in which TensorFlow numbers them."""


@dataclass(frozen=True, slots=True)
class Place:
    """One worker among all.

    Attributes:
        rank: its number among all, from 0; the one with 0 is the chief.
        count: how many there are.
        name: what TF_CONFIG calls it, for people.
    """

    rank: int
    count: int
    name: str

    @property
    def chief(self) -> bool:
        """Whether it reports, leaves checkpoints and writes the head."""
        return self.rank == 0


def place_of(config: str) -> Place:
    """Return which worker a TF_CONFIG makes of a process.

    The chief is the task `chief` if the cluster has one, else worker 0.

    Raises:
        ValueError: it is no TF_CONFIG, or of a process that does not train: a parameter server, an evaluator.
    """
    try:
        found = json.loads(config)
        cluster, task = found["cluster"], found["task"]
        kind, index = task["type"], int(task["index"])
        counts = {each: len(cluster.get(each, ())) for each in _KINDS}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError('TF_CONFIG must be like {"cluster": {"worker": [...]}, "task": {...}}') from error
    if cluster.get("ps"):
        raise ValueError("TF_CONFIG names parameter servers: every task here is a worker, or the chief")
    if kind not in counts:
        raise ValueError(f"TF_CONFIG makes this process a {kind!r}: only chief and workers train")
    if not 0 <= index < counts[kind] or counts["chief"] > 1:
        raise ValueError(f"TF_CONFIG has no {kind} {index}")
    before = counts["chief"] if kind == "worker" else 0
    return Place(before + index, sum(counts.values()), f"{kind} {index}")


def local_configs(ports: list[int]) -> list[str]:
    """Return the TF_CONFIG of each worker of this machine, one a port."""
    workers = [f"127.0.0.1:{port}" for port in ports]
    configs: list[dict[str, Any]] = [
        {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}} for index in range(len(ports))
    ]
    return [json.dumps(each) for each in configs]


def share(size: int, place: Place) -> tuple[int, int]:
    """Return from which to before which of `size` rows are this worker's: equal parts, but for one row."""
    return size * place.rank // place.count, size * (place.rank + 1) // place.count

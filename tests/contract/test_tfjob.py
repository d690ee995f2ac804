"""The TFJob's manifest agrees with what a worker reads: its command line, and TF_CONFIG as the operator makes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainer.settings import TrainerSettings
from trainer.workers.__main__ import arguments_of
from trainer.workers.cluster import place_of
from trainer.workers.endings import CONSEQUENCES, PEER_LOST, TASK_GONE, USAGE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "deploy/tfjob.yaml").read_text()
JOB: dict[str, Any] = yaml.safe_load(TEXT)
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
REPLICAS: dict[str, Any] = JOB["spec"]["tfReplicaSpecs"]


def tf_config(kind: str, index: int) -> str:
    """Return what the operator puts into a container: addresses by service name, at port `tfjob-port`."""
    name, cluster = JOB["metadata"]["name"], {}
    for each, spec in REPLICAS.items():
        (container,) = spec["template"]["spec"]["containers"]
        (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == "tfjob-port"]
        cluster[each.lower()] = [f"{name}-{each.lower()}-{i}.default.svc:{port}" for i in range(spec["replicas"])]
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}, "environment": "cloud"})


def test_tf_config_makes_workers_of_the_replicas() -> None:
    """Each replica gets a rank of its own; one is the chief."""
    places = [
        place_of(tf_config(kind.lower(), index)) for kind, spec in REPLICAS.items() for index in range(spec["replicas"])
    ]
    assert [place.rank for place in places] == list(range(places[0].count))
    assert [place.chief for place in places].count(True) == 1
    assert places[0].count > 1


@pytest.mark.parametrize("kind", REPLICAS)
def test_the_container_runs_a_worker(kind: str) -> None:
    """The operator looks for its name; the module takes its arguments; the folder is on the shared disk."""
    pod = REPLICAS[kind]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["name"] == "tensorflow"
    assert container["command"] == ["python", "-m", "trainer.workers"]
    assert (ROOT / "trainer/workers/__main__.py").is_file()
    assert "env" not in container  # a worker reads TF_CONFIG alone
    given = arguments_of(container["args"])
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    assert volume["name"] == mount["name"]
    (number,) = re.findall(r"\d+", JOB["metadata"]["name"])
    assert given.folder == Path(mount["mountPath"]) / number / "workers"
    assert given.wait_s > 0
    assert not given.end_with_input


def test_the_folder_is_where_the_trainers_image_keeps_jobs() -> None:
    """The same home and the same user as in the image."""
    (home,) = re.findall(r"GRAFT_HOME=(\S+)", DOCKERFILE)
    (user,) = re.findall(r"--uid (\d+)", DOCKERFILE)
    for spec in REPLICAS.values():
        pod = spec["template"]["spec"]
        assert pod["containers"][0]["volumeMounts"][0]["mountPath"] == f"{home}/jobs"
        assert str(pod["securityContext"]["runAsUser"]) == user


def test_variables_that_it_names_are_the_trainers() -> None:
    """A comment that names a variable that nobody reads would mislead."""
    named = {name.removeprefix("GRAFT_").lower() for name in re.findall(r"GRAFT_[A-Z_]+", TEXT)}
    assert "workers_elsewhere" in named
    assert named <= set(TrainerSettings.model_fields)


def test_only_an_attempt_that_ended_is_tried_again() -> None:
    """`ExitCode` starts again what ends with 128 or more: a worker whose task is gone alone."""
    assert {spec["restartPolicy"] for spec in REPLICAS.values()} == {"ExitCode"}
    assert {status for status in {*CONSEQUENCES, USAGE, 1} if status >= 128} == {TASK_GONE}
    assert PEER_LOST < 128

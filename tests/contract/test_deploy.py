"""The container files agree with the code: stages, ports, flags, environment."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from graft.serving.settings import StageSettings, split_address

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
SERVICES: dict[str, Any] = COMPOSE["services"]
MODULES = {"extractor": "feature_extractor", "trainer": "trainer", "classifier": "classifier", "gateway": "gateway"}


def settings_class(stage: str) -> type[StageSettings]:
    """Return the settings class of a stage."""
    module = importlib.import_module(f"{MODULES[stage]}.settings")
    (found,) = (
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, StageSettings) and each is not StageSettings
    )
    return found


def test_there_is_one_service_for_each_stage() -> None:
    """Compose runs the four stages and nothing else."""
    assert set(SERVICES) == set(MODULES)


@pytest.mark.parametrize("stage", MODULES)
def test_build_arguments_name_an_extra_and_a_package(stage: str) -> None:
    """STAGE is an extra of pyproject.toml, MODULE a package with a __main__."""
    arguments = SERVICES[stage]["build"]["args"]
    assert arguments["STAGE"] in EXTRAS
    module = arguments.get("MODULE", arguments["STAGE"])
    assert module == MODULES[stage]
    assert (ROOT / module / "__main__.py").is_file()
    for argument in arguments:
        assert f"ARG {argument}" in DOCKERFILE


@pytest.mark.parametrize("stage", MODULES)
def test_environment_is_what_the_stage_reads(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each GRAFT_ variable is a field of the stage's settings, and its value is valid."""
    environment = {
        **dict(re.findall(r"(GRAFT_(?:HOME|LOG_FORMAT))=(\S+)", DOCKERFILE)),
        **SERVICES[stage]["environment"],
    }
    assert {"GRAFT_HOME", "GRAFT_LOG_FORMAT", "GRAFT_LISTEN"} <= set(environment)
    kind = settings_class(stage)
    for name, value in environment.items():
        assert name.removeprefix("GRAFT_").lower() in kind.model_fields, f"{stage}: {name}"
        monkeypatch.setenv(name, str(value))
    kind()


@pytest.mark.parametrize("stage", MODULES)
def test_ports_are_the_stages_own(stage: str) -> None:
    """The port listened on is the stage's default, is exposed, and is the one its peers are told."""
    service = SERVICES[stage]
    _, port = split_address(service["environment"]["GRAFT_LISTEN"])
    assert port == split_address(settings_class(stage).model_fields["listen"].default)[1]
    offered = [*service.get("expose", []), *(each.split(":")[1] for each in service.get("ports", []))]
    assert str(port) in offered
    assert str(split_address(service["environment"]["GRAFT_METRICS_LISTEN"])[1]) in offered
    for peer in SERVICES.values():
        told = peer["environment"].get(f"GRAFT_{stage.upper()}")
        assert told in {None, f"{stage}:{port}"}


@pytest.mark.parametrize("stage", MODULES)
def test_a_container_outlives_the_drain_of_its_stage(stage: str) -> None:
    """The stop grace period is longer than --grace-s."""
    assert (
        int(SERVICES[stage]["stop_grace_period"].removesuffix("s"))
        > settings_class(stage).model_fields["grace_s"].default
    )


def test_volumes_are_where_the_state_is() -> None:
    """Every stage with state keeps GRAFT_HOME on a volume of its own."""
    (home,) = re.findall(r"GRAFT_HOME=(\S+)", DOCKERFILE)
    mounts = {stage: service["volumes"] for stage, service in SERVICES.items() if "volumes" in service}
    assert mounts == {stage: [f"{stage}:{home}"] for stage in ("extractor", "trainer", "classifier")}
    assert set(COMPOSE["volumes"]) == set(mounts)


def test_the_probe_is_a_module_of_the_project() -> None:
    """The health check runs a module that exists."""
    for service in SERVICES.values():
        assert service["healthcheck"]["test"] == ["CMD", "python", "-m", "graft.serving.probe"]
    importlib.import_module("graft.serving.probe")


def test_everything_copied_exists() -> None:
    """Each source of a COPY in the Dockerfile is in the tree."""
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source

"""The parts of `graft up` that need no process."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from graft.cli.app import app
from graft.cli.supervisor import stages, supervisor
from graft.cli.supervisor.logs import last_lines, log_of, open_log
from graft.cli.supervisor.records import RunningStage, Up, read_up, write_exit, write_up
from graft.cli.supervisor.stages import STAGES, Plan, Stage, check_installed
from graft.cli.up import Screen
from graft.errors import FailedPreconditionError


def test_fixed_ports_are_known_before_anything_starts(tmp_path: Path) -> None:
    """With ports all stages can start at once; with 0 each waits for its neighbours."""
    plan = Plan(tmp_path, {"feature_extractor": 7001, "trainer": 0}, {"trainer": ("--x",)}, grace_s=1.0)
    assert plan.known_addresses() == {"feature_extractor": "127.0.0.1:7001"}
    command = plan.command(STAGES[1], plan.known_addresses())
    assert command[1:] == [
        *("-P", "-m", "trainer", "--listen", "127.0.0.1:0", "--home", str(tmp_path)),
        *("--extractor", "127.0.0.1:7001", "--x"),
    ]


def test_a_base_install_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the pip command, before anything is started."""
    monkeypatch.setattr(stages, "STAGES", (Stage("trainer", "--trainer", (), ("no_such_package", "json")),))
    with pytest.raises(FailedPreconditionError):
        check_installed()
    result = CliRunner().invoke(app, ["up", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == (
        "graft: this install lacks no_such_package: pip install 'graft[all]' brings what the services need "
        "[NOT_INSTALLED]\n"
    )


def test_the_engine_asked_for_must_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX or OpenVINO stands in for TensorFlow, and is named with the extra that brings it."""
    monkeypatch.setattr(stages, "STAGES", (Stage("feature_extractor", "", (), ("json",)),))
    monkeypatch.setattr(stages.importlib.util, "find_spec", lambda name: None if name in absent else name)
    absent = {"tensorflow"}
    check_installed("jax")
    check_installed("auto", "int8")
    with pytest.raises(FailedPreconditionError, match=r"lacks tensorflow: pip install 'graft\[all\]'"):
        check_installed("auto", "float32")
    absent = {"jax", "openvino"}
    check_installed()
    with pytest.raises(FailedPreconditionError, match=r"lacks openvino: pip install 'graft\[all,int8\]'"):
        check_installed("", "int8")
    result = CliRunner().invoke(app, ["up", "--home", str(tmp_path), "--engine", "jax"])
    assert result.stderr.startswith("graft: this install lacks jax: pip install 'graft[all,jax]'")


def test_flags_of_the_trunk_reach_the_extractor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those given are handed on, and no others."""
    plans: list[Plan] = []

    class Recorder:
        """Takes the plan and runs nothing."""

        def __init__(self, plan: Plan, screen: Screen) -> None:
            plans.append(plan)

        def run(self) -> int:
            """End at once."""
            return 0

    monkeypatch.setattr(supervisor, "Supervisor", Recorder)
    monkeypatch.setattr(stages, "check_installed", lambda *_: None)
    given = ["--engine", "jax", "--device", "gpu:1", "--cpu-fallback", "--precision", "bfloat16"]
    assert CliRunner().invoke(app, ["up", "--home", str(tmp_path), *given]).exit_code == 0
    assert CliRunner().invoke(app, ["up", "--home", str(tmp_path), "--graph-mode", "faithful"]).exit_code == 0
    assert CliRunner().invoke(app, ["up", "--home", str(tmp_path)]).exit_code == 0
    flags = [plan.extra["feature_extractor"] for plan in plans]
    assert flags == [
        ("--precision", "bfloat16", "--engine", "jax", "--device", "gpu:1", "--cpu-fallback"),
        ("--graph-mode", "faithful"),
        (),
    ]


def test_what_runs_is_read_back_until_it_ends(tmp_path: Path) -> None:
    """A record of a process that is gone counts as none."""
    up = Up(os.getpid(), ready=True, stages={"gateway": RunningStage("127.0.0.1:7", 5)})
    write_up(tmp_path, up)
    assert read_up(tmp_path) == up
    write_up(tmp_path, Up(2**22 + 1, ready=True))  # past the largest process id
    assert read_up(tmp_path) is None
    write_exit(tmp_path, {"gateway": 0})
    assert json.loads((tmp_path / "up-exit.json").read_text()) == {"exit_codes": {"gateway": 0}}
    assert [file.name for file in tmp_path.iterdir()] == ["up-exit.json"]


def test_the_end_of_a_log_is_found_in_a_large_file(tmp_path: Path) -> None:
    """Empty lines do not count; a log that has grown large is put aside at the next start."""
    log = log_of(tmp_path, "trainer")
    assert last_lines(log, 2) == []
    log.parent.mkdir()
    log.write_text("x" * (17 * 1024 * 1024) + "\none\n\ntwo\n")
    assert last_lines(log, 2) == ["one", "two"]
    with open_log(log) as opened:
        opened.write(b"three\n")
    assert log.read_text() == "three\n"
    assert last_lines(log.with_suffix(".log.1"), 1) == ["two"]


def test_a_log_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    """What it would have shown is not worth an error."""
    assert last_lines(tmp_path, 1) == []


def test_the_end_is_recorded_although_the_running_record_cannot_be_taken_away(tmp_path: Path) -> None:
    """Each is done also if the other cannot be."""
    (tmp_path / "up.json").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_exit(tmp_path, {"gateway": 0})
    assert json.loads((tmp_path / "up-exit.json").read_text()) == {"exit_codes": {"gateway": 0}}
    (tmp_path / "up.json").rmdir()
    (tmp_path / "up-exit.json").unlink()
    (tmp_path / "up-exit.json").mkdir()
    write_up(tmp_path, Up(os.getpid(), ready=True))
    with pytest.raises(OSError, match="Is a directory"):
        write_exit(tmp_path, {"gateway": 0})
    assert not (tmp_path / "up.json").exists()


def test_the_ready_screen_names_the_network(gateway: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Weights, layer, precision and why these weights, in a line; none if nobody answers."""
    screen = Screen(tmp_path)
    screen.ready(Up(os.getpid(), ready=True, stages={"gateway": RunningStage(gateway.address, 5)}))
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith(f"Graft is ready at {gateway.address}")
    assert lines[-1] == "network: random:7 weights, cut at avg_pool, float32: no file was named"
    screen.ready(Up(os.getpid(), ready=True, stages={"gateway": RunningStage("127.0.0.1:1", 5)}))
    assert capsys.readouterr().out.splitlines()[-1].startswith("Graft is ready at 127.0.0.1:1")


def test_a_screen_on_a_full_disk_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line can be lost."""
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr("sys.stdout", full)
        monkeypatch.setattr("sys.stderr", full)
        screen = Screen(tmp_path)
        screen.say("a line")
        screen.warn("a line")
        screen.waiting(["trainer"], "")
        screen.ready(Up(os.getpid(), ready=True, stages={"gateway": RunningStage("127.0.0.1:1", 5)}))
        with suppress(OSError):
            full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())  # so that it can be closed

"""`graft trunk`: the command goes on as one of the extractor's tools, whose output and exit code are its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from graft.cli import trunk

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `graft trunk` in a process of its own, which another one takes the place of."""
    command = [sys.executable, "-m", "graft.cli.main", "trunk", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=100)


def test_an_empty_home_is_listed(tmp_path: Path) -> None:
    """The home comes from the general option, wherever that stands, and a folder of that name is not taken for ours."""
    (tmp_path / "feature_extractor").mkdir()
    (tmp_path / "feature_extractor" / "__init__.py").write_text("raise SystemExit(99)")
    done = run("list", "--json", "--home", "some home", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"trunks": [], "files": [], "quantised": []}


def test_the_exit_code_and_the_error_are_the_tools(tmp_path: Path) -> None:
    """A damaged record is one line and exit code 1; an impossible choice is 2."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resolved.json").write_text("{")
    done = run("verify", "--home", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("graft: ")
    assert "resolved.json" in done.stderr
    assert run("fetch", "resnet", "--home", tmp_path, cwd=tmp_path).returncode == 2


@pytest.mark.tensorflow
def test_a_file_is_looked_into(tmp_path: Path) -> None:
    """Its path may be relative; what is no graph is said to be none."""
    (tmp_path / "graph.pb").write_bytes(b"PK\x03\x04")
    done = run("inspect", "graph.pb", cwd=tmp_path)
    assert done.returncode == 1
    assert f"graft: {tmp_path / 'graph.pb'} cannot be used as a frozen graph" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        (["quantize", "--from", "pictures"], ["--from", "{cwd}/pictures", "--weights", "auto"]),
        (
            ["quantize", "--from", "/p", "--weights", "nsfwjs", "--layer", "mixed7", "--pictures", "50"],
            ["--from", "/p", "--weights", "nsfwjs", "--layer", "mixed7", "--pictures", "50"],
        ),
        (["fetch"], ["auto"]),
        (["fetch", "nsfwjs"], ["nsfwjs"]),
        (["inspect", "/g.pb", "--json"], ["/g.pb", "--json"]),
        (["verify"], []),
        (["list"], []),
    ],
)
def test_what_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], passed: list[str]
) -> None:
    """The verb, the home, and the options in the tool's own words."""
    from typer.testing import CliRunner

    from graft.cli.app import app

    commands: list[list[str]] = []
    monkeypatch.setattr("os.execve", lambda _path, command, _environment: commands.append(command))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["--home", str(tmp_path / "h"), "trunk", *arguments])
    assert result.exit_code == 0
    head = [sys.executable, "-P", "-m", "feature_extractor.tools", arguments[0], "--home", str(tmp_path / "h")]
    assert commands == [[*head, *(each.format(cwd=tmp_path) for each in passed)]]


def test_a_client_install_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extractor's packages nothing is started."""
    from typer.testing import CliRunner

    from graft.cli.app import app

    monkeypatch.setattr(trunk, "_PACKAGES", ("no_such_package",))
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "trunk", "list"])
    assert result.exit_code == 1
    assert "lacks no_such_package: pip install 'graft[extractor]'" in result.stderr

"""What the commands say about wrong options, files that cannot be written, and names that are not text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from graft.cli import output
from graft.cli.app import app
from graft.cli.samples.unpacking import folder_at_once
from graft.client import Refusal
from graft.errors import FailedPreconditionError, InvalidArgumentError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Return a folder with a good and a bad picture whose names are not UTF-8, and a good one with a plain name."""
    root = tmp_path / "odd"
    for name in (b"rose/caf\xe9.png", b"rose/plain.png", b"rose/b\xe4d.png", b"lil\xff/a.png"):
        file = root / os.fsdecode(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"bad" if b"b\xe4d" in name else name)
    return root


def run_outside(gateway: Any, home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own, whose standard output refuses what is not UTF-8."""
    return subprocess.run(
        [sys.executable, "-m", "graft.cli.main", *arguments, "--gateway", gateway.address, "--home", home],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )


def test_names_that_are_not_utf8_can_be_printed(gateway: Any, odd: Path, tmp_path: Path) -> None:
    """Imports, their JSON and tables escape such a name; it never costs the answer."""
    done = run_outside(gateway, tmp_path, "import", "d", odd)
    assert done.returncode == 0, done.stderr
    assert b"2 added, 0 unchanged, 2 refused" in done.stdout
    assert b"rose/b\\udce4d.png: not a picture [CORRUPT_IMAGE]" in done.stderr
    assert b"[INVALID_LABEL]" in done.stderr
    done = run_outside(gateway, tmp_path, "import", "d", odd, "--json")
    sources = {os.fsencode(each["source"]) for each in json.loads(done.stdout)["refused"]}
    assert sources == {b"rose/b\xe4d.png", b"lil\xff/a.png"}
    done = run_outside(gateway, tmp_path, "classify", "faces", odd / os.fsdecode(b"rose/caf\xe9.png"))
    assert done.returncode == 0, done.stderr
    assert b"\\udce9.png" in b"".join(done.stdout.split())


def test_vectors_keep_names_that_are_not_utf8(graft: Any, odd: Path, tmp_path: Path) -> None:
    """The names in the file are those that open the pictures again."""
    result = graft("extract", odd, "--out", tmp_path / "v.npz")
    assert result.exit_code == 0
    with np.load(tmp_path / "v.npz", allow_pickle=False) as stored:
        names = [os.fsencode(str(name)) for name in stored["names"]]
    assert sorted(names) == [b"lil\xff/a.png", b"rose/caf\xe9.png", b"rose/plain.png"]


def test_an_argument_that_is_not_utf8_is_one_line(graft: Any) -> None:
    """No service could take such a name."""
    result = graft("datasets", os.fsdecode(b"caf\xe9"))
    assert result.exit_code == 1
    assert result.stderr == "graft: 'caf\\udce9' is not UTF-8\n"


@pytest.mark.parametrize("address", ["foo", "foo:", ":7", "foo:70000", "foo:0", "http://foo:7", "a b:7"])
def test_a_gateway_that_is_no_address_is_a_usage_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the option or the environment: exit code 2, and what is wanted."""
    for arguments in (["--gateway", address, "status"], ["status"]):
        monkeypatch.setenv("GRAFT_GATEWAY", address)
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2
        assert "give HOST:PORT" in result.stderr


@pytest.mark.parametrize("units", [",", "512,", "512,,128", "0", "-1", "many", " "])
def test_hidden_units_that_are_no_numbers_are_a_usage_error(graft: Any, gateway: Any, units: str) -> None:
    """Exit code 2, before any job is made."""
    gateway.state.datasets["faces"] = {}
    result = graft("train", "faces", f"--hidden-units={units}")
    assert result.exit_code == 2
    assert "give numbers such as 512,128" in result.stderr
    assert gateway.state.jobs == {}


def test_a_picture_is_named_by_its_file_and_not_by_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """People see the file's name; JSON keeps the whole message."""
    place = f"items[10] (sha256 {'ab' * 32}): "
    nested = f"items[10] (sha256 {'ab' * 32}): images[2] (sha256 {'ab' * 32}): "
    for prefix in (place, nested, place.replace("items", "images"), "items[0] (sha256 unknown): ", "items[7].", ""):
        error = InvalidArgumentError(f"{prefix}it is items[1] (sha256 x)", reason="CORRUPT_IMAGE")
        output.print_refused([Refusal("a/x.png", "a", b"", error)])
        assert capsys.readouterr().err.splitlines()[1:] == ["  a/x.png: it is items[1] (sha256 x) [CORRUPT_IMAGE]"]
        assert output.plain(error)["message"].startswith(prefix)


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(graft: Any, odd: Path, tmp_path: Path) -> None:
    """The sentence names it and not the temporary file beside it; so does the one about a sample or a home."""
    result = graft("extract", odd, "--out", "/proc/x.npz")
    assert result.exit_code == 1
    assert result.stderr == "graft: cannot write /proc/x.npz: No such file or directory [CANNOT_WRITE]\n"
    (tmp_path / "taken.npz").mkdir()
    result = graft("extract", odd, "--out", tmp_path / "taken.npz")
    assert f"graft: cannot write {tmp_path}/taken.npz: Is a directory [CANNOT_WRITE]\n" in result.stderr
    with (
        pytest.raises(FailedPreconditionError, match=r"^cannot write /proc/faces: No such file"),
        folder_at_once(Path("/proc/faces")),
    ):
        pass
    result = CliRunner().invoke(app, ["up", "--home", "/proc/home"])
    assert result.exit_code == 1
    assert result.stderr == "graft: cannot write /proc/home: No such file or directory [CANNOT_WRITE]\n"


def test_another_error_of_the_system_is_a_sentence(graft: Any, tmp_path: Path) -> None:
    """A path that is too long, for example: no number of the error, no brackets."""
    result = graft("sample", "faces", tmp_path / ("x" * 300))
    assert result.exit_code == 1
    assert result.stderr == f"graft: cannot use {tmp_path}/{'x' * 300}: File name too long\n"


def test_the_version_is_printed() -> None:
    """It is the installed package's, and nothing else happens."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"graft {version('graft')}\n")

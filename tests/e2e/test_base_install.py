"""What `pip install graft` alone brings: the client and the command line, no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "keras", "lmdb", "PIL", "prometheus_client", "pydantic_settings", "structlog", "safetensors")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=ROOT, check=True)
    (built,) = out.glob("graft-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the base install."""
    folder = tmp_path_factory.mktemp("base")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    subprocess.run(
        [interpreter, "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel)], check=True
    )
    return interpreter


def test_the_wheel_holds_the_generated_stubs(wheel: Path) -> None:
    """Stubs are made by the build and typed; no test and no stage is missing."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "graft/v1/gateway_pb2.py",
        "graft/v1/gateway_pb2_grpc.pyi",
        "graft/py.typed",
        "classifier/__main__.py",
    ):
        assert name in names
    assert not any(name.startswith("tests/") for name in names)


def test_the_client_and_the_command_run_without_heavy_packages(python: Path) -> None:
    """graft.client imports, `graft --help` runs, and none of the server libraries is there."""
    check = (
        "import importlib.util, graft.client, graft.cli.app;"
        f"assert [n for n in {HEAVY!r} if importlib.util.find_spec(n)] == []"
    )
    subprocess.run([python, "-c", check], check=True, cwd=python.parent)
    helped = subprocess.run(
        [python.with_name("graft"), "--help"], check=True, capture_output=True, text=True, cwd=python.parent
    )
    for command in ("up", "import", "train", "classify"):
        assert command in helped.stdout


def test_without_its_extras_graft_up_says_what_to_install(python: Path, tmp_path: Path) -> None:
    """The base install refuses to start services, in a line that names the extra."""
    result = subprocess.run(
        [python.with_name("graft"), "up", "--home", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=python.parent,
    )
    assert result.returncode != 0
    assert "graft[all]" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr

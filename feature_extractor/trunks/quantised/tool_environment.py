"""An environment of NNCF's own under HOME/tools: its pins exclude the NumPy that Graft runs on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from graft.errors import FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

REQUIREMENTS: Final = {"nncf": "3.4.0", "numpy": "2.4.6", "openvino": "2026.4.1"}
"""What quantises, at the versions it was measured with; they suit every Python that Graft runs on."""

# Imports and not only names them: an environment whose installation was killed, or whose Python is gone, fails.
_CHECK: Final = """
import importlib.metadata, json, sys
sys.modules["openvino_telemetry"] = None
import nncf, numpy, openvino
print(json.dumps({name: importlib.metadata.version(name) for name in ("nncf", "numpy", "openvino")}))
"""
_LAST_LINES: Final = 3


def environment_folder(home: Path) -> Path:
    """HOME/tools/nncf-VERSION."""
    return home / "tools" / f"nncf-{REQUIREMENTS['nncf']}"


def ensure_environment(
    folder: Path, say: Callable[[str], None], requirements: Mapping[str, str] = REQUIREMENTS
) -> Path:
    """The environment's Python; the environment is made if it is not there or not whole. One process at a time.

    Raises:
        UnavailableError: TOOLS_UNREACHABLE, the packages cannot be installed.
        FailedPreconditionError: TOOLS_UNUSABLE, they can be, and do not work.
    """
    python = folder / "bin" / "python"
    if folder.exists():
        if installed(python) == dict(requirements):
            return python
        say(f"{folder} is not whole, it is made anew")
        shutil.rmtree(folder)
    say(f"making an environment for the quantiser in {folder}: some 200 MB are fetched, once")
    folder.parent.mkdir(parents=True, exist_ok=True)
    pins = [f"{name}=={version}" for name, version in sorted(requirements.items())]
    _run([sys.executable, "-m", "venv", str(folder)], folder, pins)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
    _run([*pip, *pins], folder, pins)
    found = installed(python)
    if found != dict(requirements):
        raise FailedPreconditionError(
            f"{folder} holds {found or 'no working quantiser'}, {' '.join(pins)} were installed into it; delete it and "
            "try again",
            reason="TOOLS_UNUSABLE",
        )
    return python


def installed(python: Path) -> dict[str, str] | None:
    """Versions of the packages that an environment's Python can import; None if it lacks one, or does not run."""
    try:
        checked = subprocess.run(  # noqa: S603 - the environment's own Python and a fixed program
            [str(python), "-I", "-c", _CHECK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        versions: dict[str, str] = json.loads(checked.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None
    return versions


def _run(command: Sequence[str], folder: Path, pins: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603 - Python's own venv and pip, with fixed arguments
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode == 0:
        return
    lines = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
    raise UnavailableError(
        f"the quantiser cannot be installed: {'; '.join(lines[-_LAST_LINES:])}. Connect this machine to a package "
        f"index, or bring the packages yourself: {sys.executable} -m venv {folder} && {folder}/bin/python -m pip "
        f"install {' '.join(pins)}",
        reason="TOOLS_UNREACHABLE",
    )

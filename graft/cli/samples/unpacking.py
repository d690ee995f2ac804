"""A folder that appears complete or not at all, and the check of a download."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graft.cli.file_errors import writing
from graft.errors import DataLossError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def folder_at_once(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; it becomes `folder` at the end, or goes away after an error.

    Raises:
        FailedPreconditionError: it cannot be written.
    """
    folder = folder.absolute()
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            temporary.chmod(0o755)
            yield temporary
            temporary.rename(folder)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def check_sha256(file: Path, expected: str) -> None:
    """Raise DataLossError unless the file has this SHA-256."""
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != expected:
        raise DataLossError(
            f"{file.name} has SHA-256 {found}, not {expected}: it was damaged or replaced; nothing was unpacked",
            reason="CHECKSUM_MISMATCH",
        )

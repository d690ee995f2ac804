"""What the system refuses about a file, said as a sentence about the file that the user knows."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name `path` in what goes wrong inside, and not the temporary file beside it.

    Raises:
        FailedPreconditionError: an OSError came out of the block.
    """
    try:
        yield
    except OSError as error:
        raise FailedPreconditionError(
            f"cannot write {path}: {error.strerror or error}", reason="CANNOT_WRITE"
        ) from error


def sentence(error: OSError) -> str:
    """Return what went wrong with which file."""
    if error.filename is None:
        return error.strerror or str(error)
    return f"cannot use {os.fsdecode(error.filename)}: {error.strerror}"

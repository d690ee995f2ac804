"""The directory of a version on disk: written whole or not at all, removed whole, found again after a kill."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from graft.durable_files import sync_directory, write_synced
from graft.errors import DataLossError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEMPORARY = ".new-"
"""Prefix of unfinished and of dropped directories; a classifier's name cannot begin with a dot."""


class HeadDirectory:
    """heads/NAME/VERSION under one root, which must lie on one file system."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def path(self, classifier: str, version: int) -> Path:
        """Return the directory of a version, whether it is there or not."""
        return self._root / classifier / str(version)

    def write(self, classifier: str, version: int, files: Mapping[str, bytes]) -> None:
        """Write a version's files: when it returns they are on disk; a kill before leaves none under the version."""
        target = self.path(classifier, version)
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._root))
        temporary.chmod(0o755)  # mkdtemp makes it private; backups and other users may read heads
        for name, content in files.items():
            write_synced(temporary / name, content)
        sync_directory(temporary)
        target.parent.mkdir(exist_ok=True)
        sync_directory(self._root)
        self.remove(classifier, version)  # a directory without a catalog row, left by a write that failed after it
        temporary.rename(target)
        sync_directory(target.parent)

    def read(self, classifier: str, version: int, *names: str) -> list[bytes]:
        """Return the content of these files of a version.

        Raises:
            DataLossError: reason HEAD_DAMAGED; one of them is missing.
        """
        path = self.path(classifier, version)
        try:
            return [(path / name).read_bytes() for name in names]
        except FileNotFoundError as error:
            raise DataLossError(
                f"{error.filename} is missing: restore it from a backup, or delete version {version} of "
                f"{classifier!r} and train again",
                reason="HEAD_DAMAGED",
            ) from error

    def remove(self, classifier: str, version: int) -> None:
        """Remove a version's directory, if it is there: in one step for readers and for a kill."""
        target = self.path(classifier, version)
        if target.exists():
            dropped = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._root))
            target.rename(dropped / "dropped")
            sync_directory(target.parent)
            shutil.rmtree(dropped)

    def remove_leftovers(self) -> None:
        """Remove what killed writes and removals left; call it while nobody writes."""
        for path in self._root.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path)

    def versions(self) -> Iterator[tuple[str, int]]:
        """Yield (classifier, version) of every directory that is there."""
        for path in sorted(self._root.glob("*/*")):
            if path.name.isascii() and path.name.isdigit() and not path.parent.name.startswith("."):
                yield path.parent.name, int(path.name)

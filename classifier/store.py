"""The classifier's own copy on disk: the files of served heads, and which aliases point to them.

    served/
      _served.json                   what is served, in the words of `Listed`
      NAME/VERSION/manifest.json     as the trainer wrote it
      NAME/VERSION/head.safetensors  as the trainer wrote it
      _new-*, _old-*                 leftovers of a kill; removed at the next start

A copy is written under another name, synced, then renamed. A name of a classifier never begins with an underscore.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from classifier.catalogue import Listed
from classifier.heads import TENSORS, Head, read_head
from graft.durable_files import sync_directory, write_synced
from graft.errors import DataLossError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST: Final = "manifest.json"
STATE: Final = "_served.json"
_log: Final = logging.getLogger("classifier.store")


class HeadStore:
    """Files of heads under one directory, which no other process may write to."""

    def __init__(self, root: Path) -> None:
        """Use `root`, made if it is not there; what a kill left half done is removed."""
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        for leftover in (*root.glob("_new-*"), *root.glob("_old-*")):
            _log.info("removing %s, left by a kill", leftover)
            _remove(leftover)

    def load(self, listed: Listed) -> Head | None:
        """Return the head of a listed version from its copy, or None if there is no sound copy.

        A copy of other content, or one that fails a checksum, is discarded with a line in the log.
        """
        folder = self._folder(listed)
        if not folder.is_dir():
            return None
        try:
            return checked_head(listed, (folder / MANIFEST).read_bytes(), (folder / TENSORS).read_bytes())
        except (DataLossError, OSError) as error:
            _log.warning("discarding the copy of %s version %d: %s", listed.classifier, listed.version, error)
            _remove(folder)
            return None

    def save(self, listed: Listed, manifest: bytes, tensors: bytes) -> Head:
        """Keep the files of a listed version and return its head.

        Raises:
            DataLossError: they are not what was listed; nothing is kept.
            OSError: the disk is full or broken; nothing half written is kept.
        """
        head = checked_head(listed, manifest, tensors)
        folder = self._folder(listed)
        new = Path(tempfile.mkdtemp(prefix="_new-", dir=self._root))
        try:
            write_synced(new / MANIFEST, manifest)
            write_synced(new / TENSORS, tensors)
            sync_directory(new)
            folder.parent.mkdir(exist_ok=True)
            if folder.exists():
                # Only if a version came back with other content, as from a new trainer under the same name.
                folder.rename(Path(tempfile.mkdtemp(prefix="_old-", dir=self._root)) / "copy")
            new.rename(folder)
        except BaseException:
            _remove(new)
            raise
        sync_directory(folder.parent)
        sync_directory(self._root)
        return head

    def write_state(self, served: Iterable[Listed]) -> None:
        """Record what is served, so that a start without the trainer serves the same."""
        rows = [
            {
                "classifier": each.classifier,
                "version": each.version,
                "aliases": list(each.aliases),
                "manifest_sha256": each.manifest_sha256.hex(),
            }
            for each in served
        ]
        descriptor, name = tempfile.mkstemp(prefix="_new-", dir=self._root)
        os.close(descriptor)
        write_synced(Path(name), json.dumps({"heads": rows}, indent=1).encode())
        Path(name).replace(self._root / STATE)
        sync_directory(self._root)

    def read_state(self) -> list[Listed]:
        """Return what was recorded last; nothing if there is no record or it cannot be read, with a line in the log."""
        try:
            content = (self._root / STATE).read_bytes()
        except FileNotFoundError:
            return []
        try:
            return [_listed(row) for row in json.loads(content)["heads"]]
        except (ValueError, KeyError, TypeError, InvalidArgumentError) as error:
            _log.warning(
                "the record %s cannot be read, so nothing is served until the trainer answers: %s", STATE, error
            )
            return []

    def keep_only(self, served: Iterable[Listed]) -> None:
        """Remove the copies of every version that is not in `served`."""
        wanted = {self._folder(each) for each in served}
        for classifier in self._root.iterdir():
            if classifier.name.startswith("_") or not classifier.is_dir():
                continue
            for folder in classifier.iterdir():
                if folder not in wanted:
                    _remove(folder)
            if not any(classifier.iterdir()):
                classifier.rmdir()

    def _folder(self, listed: Listed) -> Path:
        return self._root / listed.classifier / str(listed.version)


def checked_head(listed: Listed, manifest: bytes, tensors: bytes) -> Head:
    """Return the head that the files hold if they are what was listed: listed SHA-256 → manifest → tensors.

    Raises:
        DataLossError: a checksum does not match, or a file cannot be parsed.
    """
    if hashlib.sha256(manifest).digest() != listed.manifest_sha256:
        raise DataLossError(f"{MANIFEST} does not have the SHA-256 that the trainer listed")
    return read_head(manifest, tensors)


def _listed(row: Any) -> Listed:
    return Listed(
        str(row["classifier"]), int(row["version"]), tuple(row["aliases"]), bytes.fromhex(row["manifest_sha256"])
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

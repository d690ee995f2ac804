"""The registry of heads: versions that never change, and aliases that say which of them to use.

Catalog row and files agree after a kill at any moment: a version's files are renamed into place first and its row is
written after; a deletion drops the row first. So a directory without a row is a leftover, removed at start.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft.errors import DataLossError
from graft.names import check_name
from trainer.jobs.subscriptions import Subscribers
from trainer.registry import heads
from trainer.registry.changes import Change, ChangeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.catalog.classifiers import ClassifierStore
    from trainer.catalog.paging import Page
    from trainer.catalog.version_records import Classifier, Version
    from trainer.registry.head_files import HeadDirectory


@dataclass(frozen=True, slots=True)
class HeadFiles:
    """A version's files, byte for byte, checked: manifest.json and head.safetensors."""

    manifest: bytes
    tensors: bytes


class Registry:
    """The heads of one catalog and one directory; safe to call from any thread."""

    def __init__(self, store: ClassifierStore, directory: HeadDirectory) -> None:
        self._store = store
        self._directory = directory
        self._changes: Subscribers[Change] = Subscribers()
        # held while a version is published or deleted: nobody else takes its number or touches its files
        self._lock = threading.Lock()

    def recover(self) -> tuple[tuple[str, int], ...]:
        """Remove leftovers of a killed process and return the versions whose files are missing, for the log."""
        with self._lock:
            self._directory.remove_leftovers()
            known = {(version.classifier, version.version) for version in self._store.all_versions()}
            found = set(self._directory.versions())
            for classifier, version in found - known:
                self._directory.remove(classifier, version)
            return tuple(sorted(known - found))

    def publish(
        self,
        classifier: str,
        job_number: int,
        network: heads.Network,
        facts: Mapping[str, Any],
        companions: heads.Companions = heads.NONE,
    ) -> Version:
        """Write the next version of `classifier` and return it.

        Args:
            classifier: a valid name.
            job_number: the job that made it.
            network: the head's arrays.
            facts: the manifest but for classifier, version, shapes and checksums, which are added here.
            companions: what goes with the network.

        Raises:
            InvalidArgumentError: the name is not valid.
            DataLossError: reason HEAD_DISAGREES; read back, the head does not compute what its golden set says.
        """
        check_name("classifier", classifier)
        tensors = heads.tensors_bytes(network, companions.rule, companions.golden)
        named_files = {heads.TENSORS_FILE: tensors}
        if companions.evaluation:
            named_files[heads.EVALUATION_FILE] = companions.evaluation
        with self._lock:
            number = self._store.next_version(classifier)
            named = {"classifier": classifier, "version": number, **facts}
            manifest = heads.manifest_bytes(named, network, named_files, companions.rule)
            heads.read_network(manifest, tensors)
            self._directory.write(classifier, number, {**named_files, heads.MANIFEST_FILE: manifest})
            self._changes.publish(
                lambda: self._add(Change(ChangeKind.VERSION_ADDED, classifier, number), job_number, manifest)
            )
        return self._store.get_version(classifier, number)

    def _add(self, change: Change, job_number: int, manifest: bytes) -> Change:
        self._store.add(change.classifier, change.version, job_number, manifest.decode())
        return change

    def read_head(self, classifier: str, version: int) -> HeadFiles:
        """Return the files of a version, checked against the catalog and their checksum.

        Raises:
            NotFoundError: reason VERSION_NOT_FOUND.
            DataLossError: reason HEAD_DAMAGED; a file is missing or is not what was written.
        """
        manifest, tensors = self._read(classifier, version, heads.TENSORS_FILE)
        return HeadFiles(manifest, tensors)

    def read_evaluation(self, classifier: str, version: int) -> bytes:
        """Return evaluation.json of a version (docs/evaluation.md), checked; empty if the version has none.

        Raises:
            NotFoundError: reason VERSION_NOT_FOUND.
            DataLossError: reason HEAD_DAMAGED, as for `read_head`.
        """
        facts = json.loads(self._store.get_version(classifier, version).manifest)
        if heads.EVALUATION_FILE not in facts["files"]:
            return b""
        return self._read(classifier, version, heads.EVALUATION_FILE)[1]

    def _read(self, classifier: str, version: int, name: str) -> tuple[bytes, bytes]:
        """Return (manifest, a file that it names), both checked."""
        row = self._store.get_version(classifier, version)
        try:
            manifest, content = self._directory.read(classifier, version, heads.MANIFEST_FILE, name)
        except DataLossError:
            self._store.get_version(classifier, version)  # deleted since the first look: NotFoundError, no damage
            raise
        if manifest != row.manifest.encode():
            raise DataLossError(
                f"{heads.MANIFEST_FILE} of {classifier}@{version} is not what the catalog recorded: restore it from a "
                "backup",
                reason="HEAD_DAMAGED",
            )
        heads.check_file(json.loads(manifest), name, content)
        return manifest, content

    def get_version(self, classifier: str, version: int) -> Version:
        """Return a version, or raise NotFoundError (VERSION_NOT_FOUND)."""
        return self._store.get_version(classifier, version)

    def list_versions(self, classifier: str, page_size: int = 0, page_token: str = "") -> Page[Version]:
        """Return the versions of a classifier, newest first; errors as in ClassifierStore."""
        return self._store.list_versions(classifier, page_size, page_token)

    def get_classifier(self, classifier: str) -> Classifier:
        """Return a classifier, or raise NotFoundError (CLASSIFIER_NOT_FOUND)."""
        return self._store.get(classifier)

    def list_classifiers(self, page_size: int = 0, page_token: str = "") -> Page[Classifier]:
        """Return classifiers by name; errors as in ClassifierStore."""
        return self._store.list_page(page_size, page_token)

    def aliased_versions(self) -> tuple[Version, ...]:
        """Return every version that has an alias: what a classifier stage serves."""
        return tuple(version for version in self._store.all_versions() if version.aliases)

    def version_of_job(self, job_number: int) -> Version | None:
        """Return the version that a job made, if it made one."""
        return self._store.version_of_job(job_number)

    def set_alias(self, classifier: str, alias: str, version: int, expected: int | None = None) -> Classifier:
        """Point `alias` at `version` (0 removes it) and return the classifier; errors as in ClassifierStore.

        Raises:
            InvalidArgumentError: the alias is no valid name.
        """
        check_name("alias", alias)
        kind = ChangeKind.ALIAS_SET if version else ChangeKind.ALIAS_REMOVED

        def make() -> Change:
            self._store.set_alias(classifier, alias, version, expected)
            return Change(kind, classifier, version, alias)

        self._changes.publish(make)
        return self._store.get(classifier)

    def roll_back(self, classifier: str, alias: str, expected: int | None = None) -> tuple[int, int]:
        """Point `alias` back at the version before; return (that, the one it pointed at); errors as in ClassifierStore.

        Raises:
            InvalidArgumentError: the alias is no valid name.
        """
        check_name("alias", alias)
        moved = (0, 0)

        def make() -> Change:
            nonlocal moved
            moved = self._store.roll_back(classifier, alias, expected)
            return Change(ChangeKind.ALIAS_SET, classifier, moved[0], alias)

        self._changes.publish(make)
        return moved

    def delete_version(self, classifier: str, version: int) -> None:
        """Delete a version, row first, then files; refused while an alias points at it.

        Raises:
            NotFoundError: reason VERSION_NOT_FOUND.
            FailedPreconditionError: reason VERSION_ALIASED.
        """

        def make() -> Change:
            self._store.delete_version(classifier, version)
            return Change(ChangeKind.VERSION_DELETED, classifier, version)

        with self._lock:
            self._changes.publish(make)
            self._directory.remove(classifier, version)

    def delete_classifier(self, classifier: str) -> None:
        """Delete a classifier with its aliases and all its versions; their numbers are never given again.

        Raises:
            NotFoundError: reason CLASSIFIER_NOT_FOUND.
            FailedPreconditionError: reason CLASSIFIER_IN_USE; a job for it is queued or running.
        """
        deleted: tuple[int, ...] = ()

        def make() -> Change:
            nonlocal deleted
            deleted = self._store.delete_all_versions(classifier)
            return Change(ChangeKind.CLASSIFIER_DELETED, classifier)

        with self._lock:
            self._changes.publish(make)
            for version in deleted:
                self._directory.remove(classifier, version)

    def subscribe(self, callback: Callable[[Change], object]) -> Callable[[], None]:
        """Call back at every change from now on and return how to stop (rules: `trainer.jobs.subscriptions`).

        Subscribe first, then read the present state: what changes in between is then called back too.
        """
        return self._changes.subscribe(callback)

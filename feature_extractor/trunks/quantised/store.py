"""The quantised networks a home keeps: HOME/weights/quantised-HEX/{model.xml, model.bin, manifest.json}."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.trunks.quantised.manifest import Manifest, from_bytes, to_bytes
from graft.durable_files import replace_file, sync_directory
from graft.errors import DataLossError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MODEL_NAME = "model.xml"
MODEL_FILES = (MODEL_NAME, "model.bin")
"""OpenVINO's two: the graph, and the weights that it refers to."""

_MANIFEST_NAME = "manifest.json"
_PREFIX = "quantised-"
_NAMED_HEX = 16  # 64 bits of a SHA-256 tell apart the few networks that one home ever sees
_BLOCK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class QuantisedTrunk:
    """A quantised network on disk.

    Attributes:
        folder: where its files are.
        sha256: of its files; the `weights_sha256` of its identity.
        manifest: what it was made from.
    """

    folder: Path
    sha256: str
    manifest: Manifest

    @property
    def base_weights_sha256(self) -> str:
        """SHA-256 of the float32 weights it was made from."""
        return self.manifest.base_weights_sha256

    @property
    def layer(self) -> str:
        """The layer the network is cut at."""
        return self.manifest.layer

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.manifest.dimensions


def find_quantised(home: Path, base_weights_sha256: str, layer: str, sha256: str = "") -> QuantisedTrunk | None:
    """The newest network made from these weights at this layer, or the one of this `sha256`; None if there is none.

    Manifests are read, and those of other networks are no matter; the network is checked where it is read.

    Raises:
        DataLossError: WEIGHTS_DAMAGED, the manifest is damaged of the one that is meant, or that may be.
    """
    if sha256:
        folder = _folder(home, sha256)
        if not folder.is_dir():
            return None
        named = _read(folder)
        if isinstance(named, str) or named.sha256 != sha256:
            problem = named if isinstance(named, str) else "it names other files"
            raise _damaged(folder / _MANIFEST_NAME, problem)
        return named
    origin = (base_weights_sha256, layer)
    fitting = [trunk for trunk in list_quantised(home) if (trunk.base_weights_sha256, trunk.layer) == origin]
    for path, problem in () if fitting else damaged_manifests(home):
        raise _damaged(path, problem)
    return max(fitting, key=lambda trunk: trunk.manifest.made_at, default=None)


def list_quantised(home: Path) -> list[QuantisedTrunk]:
    """Every quantised network of a home whose manifest can be read, by folder name; the networks are not read."""
    return [trunk for trunk in map(_read, _folders(home)) if not isinstance(trunk, str)]


def damaged_manifests(home: Path) -> list[tuple[Path, str]]:
    """The manifests that cannot be read, and why."""
    found = ((folder / _MANIFEST_NAME, _read(folder)) for folder in _folders(home))
    return [(path, problem) for path, problem in found if isinstance(problem, str)]


def read_model(trunk: QuantisedTrunk) -> tuple[bytes, bytes]:
    """The contents of the two files that OpenVINO takes, checked.

    Raises:
        DataLossError: WEIGHTS_DAMAGED, naming the file that is not what was put there.
    """
    graph, weights = (_checked(trunk, name) for name in MODEL_FILES)
    return graph, weights


def verify_quantised(home: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file of every quantised network and what is wrong with it, empty if nothing is."""
    for folder in _folders(home):
        trunk = _read(folder)
        if isinstance(trunk, str):
            yield folder / _MANIFEST_NAME, trunk
            continue
        yield folder / _MANIFEST_NAME, ""
        for name in MODEL_FILES:
            yield folder / name, _problem(trunk, name)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def keep_quantised(home: Path, made: Path, manifest: Manifest) -> QuantisedTrunk:
    """Move a network that was made in the folder `made`, on the same disk, into the home: whole or not at all.

    A network that is there already keeps its files and gets the new manifest; one that is damaged goes aside first, to
    a folder beside `made`.

    Raises:
        OSError: the disk is full or broken.
    """
    sha256 = network_sha256(manifest.files)
    folder = _folder(home, sha256)
    trunk = QuantisedTrunk(folder, sha256, manifest)
    if folder.is_dir() and not any(_problem(trunk, name) for name in MODEL_FILES):
        replace_file(folder / _MANIFEST_NAME, to_bytes(manifest))
        return trunk
    for name in MODEL_FILES:
        _sync(made / name)
    replace_file(made / _MANIFEST_NAME, to_bytes(manifest))
    aside = made.with_name(f"{made.name}-damaged")
    with suppress(FileNotFoundError):
        folder.rename(aside)
    made.rename(folder)
    sync_directory(folder.parent)
    shutil.rmtree(aside, ignore_errors=True)
    return trunk


def network_sha256(files: Mapping[str, str]) -> str:
    """One SHA-256 for a network of several files: over `name sha256` lines in name order."""
    lines = "".join(f"{name} {files[name]}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _folder(home: Path, sha256: str) -> Path:
    return home / "weights" / f"{_PREFIX}{sha256[:_NAMED_HEX]}"


def _folders(home: Path) -> list[Path]:
    return sorted(path for path in (home / "weights").glob(f"{_PREFIX}*") if path.is_dir())


def _read(folder: Path) -> QuantisedTrunk | str:
    """The network in a folder, or why its manifest does not tell."""
    try:
        manifest = from_bytes((folder / _MANIFEST_NAME).read_bytes())
    except (OSError, ValueError) as error:
        return str(error)
    if sorted(manifest.files) != sorted(MODEL_FILES):
        return f"it names the files {', '.join(sorted(manifest.files))}"
    return QuantisedTrunk(folder, network_sha256(manifest.files), manifest)


def _checked(trunk: QuantisedTrunk, name: str) -> bytes:
    path = trunk.folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    problem = _difference(trunk, name, hashlib.sha256(content).hexdigest())
    if problem:
        raise _damaged(path, problem)
    return content


def _problem(trunk: QuantisedTrunk, name: str) -> str:
    try:
        return _difference(trunk, name, file_sha256(trunk.folder / name))
    except OSError as error:
        return error.strerror or str(error)


def _difference(trunk: QuantisedTrunk, name: str, found: str) -> str:
    expected = trunk.manifest.files[name]
    return "" if found == expected else f"its SHA-256 is {found}, it must be {expected}"


def _damaged(path: Path, problem: str) -> DataLossError:
    return DataLossError(
        f"{path} is no longer what was put there: {problem}. Delete {path.parent} and make the 8-bit trunk anew with "
        "`graft trunk quantize` (its vectors will have another fingerprint), or restore it from a copy",
        reason="WEIGHTS_DAMAGED",
    )

"""What a home's trunks were resolved to, so that a network that comes back or another processor changes nothing.

One entry a request: the same request gives the same trunk for ever, a different one has an entry and a fingerprint of
its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from feature_extractor.trunks.identity import TrunkIdentity
from graft.durable_files import replace_file
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUTO = "auto"
RECORD_NAME = "resolved.json"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class TrunkRequest:
    """A trunk as asked for.

    Attributes:
        weights: `auto`, `imagenet`, `nsfwjs`, `random:SEED` or a file's absolute path.
        layer: the layer to cut at; empty for the weights' own default.
        precision: `auto`, `float32`, `bfloat16` or `int8`.
        engine: `tensorflow` or `jax`; empty, or `auto`, for the one that suits the rest.
        graph_input: the tensor of a frozen graph that takes a picture's bytes; empty for other weights.
        graph_output: the tensor of a frozen graph that is the vector; empty for other weights.
    """

    weights: str = "auto"
    layer: str = ""
    precision: str = "auto"
    engine: str = ""
    graph_input: str = ""
    graph_output: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a request became.

    Attributes:
        request: what was asked for.
        weights: what it is: as in the request, but never `auto`.
        identity: what the vectors depend on.
        reason: why these weights, in a sentence for people.
        quantised_from: SHA-256 of the float32 weights that a quantised trunk was made from; empty for others.
    """

    request: TrunkRequest
    weights: str
    identity: TrunkIdentity
    reason: str
    quantised_from: str = ""

    @property
    def base_sha256(self) -> str:
        """SHA-256 of the weights that the home keeps for it: of an 8-bit trunk, those it was made from."""
        return self.quantised_from or self.identity.weights_sha256


class TrunkRecord:
    """The file `resolved.json`; used by one process at a time, the owner of the home."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, resolution: Resolution) -> None:
        """Remember a first resolution; the file is replaced as a whole."""
        entries = [*self.entries(), resolution]
        content = {"version": _VERSION, "trunks": [_to_json(entry) for entry in entries]}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, (json.dumps(content, indent=2) + "\n").encode())

    def entries(self) -> list[Resolution]:
        """Everything that was resolved in this home, the oldest first.

        Raises:
            FailedPreconditionError: RECORD_UNREADABLE.
        """
        try:
            return _parse(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FailedPreconditionError(
                f"{self._path}, the record of this home's trunks, cannot be used: {error}. Restore it, or delete it "
                "if another trunk, and so other fingerprints, may be chosen",
                reason="RECORD_UNREADABLE",
            ) from error


def weights_on_record(known: Sequence[Resolution], weights: str) -> str:
    """What `auto` became at the first start that asked for it, whatever else was asked for; other weights as given."""
    if weights != AUTO:
        return weights
    return next((each.weights for each in known if each.request.weights == AUTO), AUTO)


def sha256_on_record(known: Sequence[Resolution], weights: str) -> str:
    """SHA-256 that these weights, never `auto`, had when a trunk was last made of them; empty if none was."""
    return next((each.base_sha256 for each in reversed(known) if each.weights == weights), "")


def _to_json(resolution: Resolution) -> dict[str, Any]:
    return {**asdict(resolution), "fingerprint": resolution.identity.fingerprint.hex()}


def _parse(content: dict[str, Any]) -> list[Resolution]:
    if content["version"] != _VERSION:
        raise ValueError(f"it has version {content['version']}, this program reads {_VERSION}")
    return [_from_json(entry) for entry in content["trunks"]]


def _from_json(entry: dict[str, Any]) -> Resolution:
    identity = TrunkIdentity(**entry["identity"])
    if identity.fingerprint.hex() != entry["fingerprint"]:
        raise ValueError(f"the entry with fingerprint {entry['fingerprint']} has been changed")
    request = TrunkRequest(**entry["request"])
    return Resolution(request, entry["weights"], identity, entry["reason"], entry.get("quantised_from", ""))

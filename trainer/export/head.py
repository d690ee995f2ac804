"""The head of a version as an export takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import safetensors.numpy

from graft.errors import FailedPreconditionError
from trainer.registry import heads

if TYPE_CHECKING:
    from trainer.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class ExportedHead:
    """What an export needs of a version's files.

    Attributes:
        network: its arrays.
        labels: in output order.
        fingerprint: of the trunk that it fits, 16 bytes.
        dataset: that it was trained on.
        left_out: its tensors that are not layers, and that no export holds.
    """

    network: heads.Network
    labels: tuple[str, ...]
    fingerprint: bytes
    dataset: str
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, registry: Registry, classifier: str, version: int) -> ExportedHead:
        """Return the head of a version.

        Raises:
            NotFoundError: VERSION_NOT_FOUND.
            DataLossError: HEAD_DAMAGED.
        """
        files = registry.read_head(classifier, version)
        manifest: dict[str, Any] = json.loads(files.manifest)
        network = heads.read_network(files.manifest, files.tensors)
        held = {"standardisation.mean", "standardisation.scale"}
        held |= {f"layers.{index}.{part}" for index in range(len(network.layers)) for part in ("weight", "bias")}
        return cls(
            network,
            tuple(manifest["labels"]),
            bytes.fromhex(manifest["fingerprint"]),
            str(manifest["dataset"]["name"]),
            tuple(
                sorted(
                    name
                    for name in safetensors.numpy.load(files.tensors).keys() - held
                    if not name.startswith("golden.")  # answers to check a head by; no part of the network
                )
            ),
        )

    def check_fingerprint(self, serving: bytes) -> None:
        """Refuse a head whose trunk is not the one that serves.

        Raises:
            FailedPreconditionError: FINGERPRINT_MISMATCH.
        """
        if serving != self.fingerprint:
            raise FailedPreconditionError(
                f"the version was trained on vectors of the trunk {self.fingerprint.hex()}, and the extractor serves "
                f"{serving.hex()}: start the extractor with the trunk of then",
                reason="FINGERPRINT_MISMATCH",
            )

"""What the process that builds a network is told: one JSON object beside the files it reads and writes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import numpy as np

from graft.errors import InvalidArgumentError
from trainer.registry.heads import Layer, Network

LABELS_FILE: Final = "labels.txt"
"""The labels in output order, a line each, in UTF-8."""

_TRUNK, _HEAD, _PICTURES, _PIXELS, _OUT = "trunk.pb", "head.npz", "pictures", "pixels", "out"


class ExportFormat(StrEnum):
    """What can be written."""

    SAVED_MODEL = "savedmodel"
    """TensorFlow's directory; takes pixels and pictures' bytes."""
    GRAPH_DEF = "graphdef"
    """A frozen graph of TensorFlow's in one file; takes pixels and pictures' bytes."""
    TFLITE = "tflite"
    """TensorFlow Lite; takes pixels."""
    ONNX = "onnx"
    """ONNX; takes pixels."""

    @property
    def takes_bytes(self) -> bool:
        """Whether the network decodes pictures too."""
        return self in {ExportFormat.SAVED_MODEL, ExportFormat.GRAPH_DEF}


def format_of(name: str) -> ExportFormat:
    """The format of this name.

    Raises:
        InvalidArgumentError: INVALID_EXPORT_FORMAT.
    """
    try:
        return ExportFormat(name)
    except ValueError:
        known = ", ".join(ExportFormat)
        raise InvalidArgumentError(f"name a format: one of {known}", reason="INVALID_EXPORT_FORMAT") from None


@dataclass(frozen=True, slots=True)
class TrunkFacts:
    """The trunk's frozen graph.

    Attributes:
        fingerprint: 16 bytes as 32 hexadecimal digits.
        input_tensor: takes float32[n, height_px, width_px, 3], RGB, 0 to 255.
        output_tensor: gives float32[n, dimensions].
        height_px: of the pictures it takes.
        width_px: of the pictures it takes.
        dimensions: length of a vector.
        preprocessing: id of the decoding and resizing before it.
        service_precision: arithmetic of the extractor that serves it; the graph's own is float32.
    """

    fingerprint: str
    input_tensor: str
    output_tensor: str
    height_px: int
    width_px: int
    dimensions: int
    preprocessing: str
    service_precision: str


@dataclass(frozen=True, slots=True)
class ExportTask:
    """One network to build in a folder.

    Attributes:
        folder: holds what is read and what is written.
        format: what to write.
        classifier: its name.
        version: its version.
        labels: in output order.
        activations: of the head's layers, "relu" or "linear".
        trunk: the graph in `trunk_file`.
        threads: processor cores to use; 0 is all.
    """

    folder: Path
    format: ExportFormat
    classifier: str
    version: int
    labels: tuple[str, ...]
    activations: tuple[str, ...]
    trunk: TrunkFacts
    threads: int
    description: dict[str, str] = field(init=False)
    """Facts that travel inside a file whose format has room for them."""

    def __post_init__(self) -> None:
        facts = {
            "classifier": f"{self.classifier}@{self.version}",
            "fingerprint": self.trunk.fingerprint,
            "preprocessing": self.trunk.preprocessing,
            "labels": json.dumps(self.labels, ensure_ascii=False),
        }
        object.__setattr__(self, "description", facts)

    @property
    def trunk_file(self) -> Path:
        """The trunk's serialised GraphDef."""
        return self.folder / _TRUNK

    @property
    def pictures(self) -> Path:
        """A folder of the pictures to compare on: `000`, `001` and so on."""
        return self.folder / _PICTURES

    @property
    def pixels(self) -> Path:
        """A folder of what building makes of them: `000.png` and so on."""
        return self.folder / _PIXELS

    @property
    def pixels_file(self) -> Path:
        """The same as one array, uint8[n, height_px, width_px, 3]."""
        return self.folder / "pixels.npy"

    @property
    def vectors_file(self) -> Path:
        """What the trunk alone makes of those pixels, float32[n, dimensions]."""
        return self.folder / "vectors.npy"

    @property
    def out(self) -> Path:
        """A folder that holds the outcome and nothing else."""
        return self.folder / _OUT

    def write_head(self, network: Network) -> None:
        """Put the head's arrays beside the trunk."""
        arrays = {"mean": network.mean, "scale": network.scale}
        for index, layer in enumerate(network.layers):
            arrays |= {f"weight_{index}": layer.weight, f"bias_{index}": layer.bias}
        np.savez(self.folder / _HEAD, **arrays)  # type: ignore[arg-type]  # a keyword would be allow_pickle

    def read_head(self) -> Network:
        """Return what `write_head` wrote."""
        with np.load(self.folder / _HEAD, allow_pickle=False) as arrays:
            layers = tuple(
                Layer(arrays[f"weight_{index}"], arrays[f"bias_{index}"], activation)
                for index, activation in enumerate(self.activations)
            )
            return Network(arrays["mean"], arrays["scale"], layers)

    def to_json(self) -> str:
        """Return it as a JSON object."""
        return json.dumps({**asdict(self), "folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> ExportTask:
        """Return what `to_json` wrote."""
        facts: dict[str, Any] = json.loads(text)
        del facts["description"]
        return cls(
            **{
                **facts,
                "folder": Path(facts["folder"]),
                "format": ExportFormat(facts["format"]),
                "labels": tuple(facts["labels"]),
                "activations": tuple(facts["activations"]),
                "trunk": TrunkFacts(**facts["trunk"]),
            }
        )

"""A head in memory: its files (format `graft.head` version 1) parsed and verified, its layers applied with NumPy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from classifier.golden import check_golden
from classifier.scoring import softmax
from classifier.verdicts import UnknownRule
from graft.errors import DataLossError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT: Final = ("graft.head", 1)
"""Name and version of the format that this reads."""

TENSORS: Final = "head.safetensors"
"""Name of the file that the manifest names."""

_ACTIVATIONS: Final = {"relu", "linear"}


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A fully-connected layer.

    Attributes:
        weight: float32[inputs, outputs].
        bias: float32[outputs].
        relu: whether negative outputs become 0.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    relu: bool


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A trained head; two of them are equal only if they are the same object.

    Attributes:
        fingerprint: of the vectors it takes, 16 bytes.
        dimensions: values in a vector it takes.
        labels: in the order of its outputs.
        mean: float32[dimensions], taken off each vector.
        scale: float32[dimensions], what the difference is divided by.
        layers: from the input on; the last one's outputs are the logits.
        rule: how it tells vectors of no known class; None if it does not.
    """

    fingerprint: bytes
    dimensions: int
    labels: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    layers: tuple[Layer, ...]
    rule: UnknownRule | None

    def probabilities(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32[n, labels] for float32[n, dimensions]; rows that overflow hold NaN.

        (x - mean) / scale → for each layer x · weight + bias, ReLU where it has one → softmax.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            x = (vectors - self.mean) / self.scale
            for layer in self.layers:
                x = x @ layer.weight
                x += layer.bias
                if layer.relu:
                    np.maximum(x, 0, out=x)
            return softmax(x)


def read_head(manifest: bytes, tensors: bytes) -> Head:
    """Return the head that manifest.json and head.safetensors describe.

    Raises:
        DataLossError: the tensors do not have the SHA-256 that the manifest names, the files do not fit together, or
            (reason HEAD_DISAGREES) the head does not compute what its golden set says.
    """
    try:
        facts = json.loads(manifest)
        found = (facts["format"], facts["format_version"])
        if found != FORMAT:
            raise DataLossError(f"its format is {found}, but this classifier reads {FORMAT}; upgrade the classifier")
        if hashlib.sha256(tensors).hexdigest() != facts["files"][TENSORS]["sha256"]:
            raise DataLossError(f"{TENSORS} does not have the SHA-256 that the manifest names")
        arrays = safetensors.numpy.load(tensors)
        head = _assemble(facts, arrays)
        check_golden(head, arrays)
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        raise DataLossError(f"its files do not fit together: {error!r}") from error
    return head


def _assemble(facts: dict[str, Any], arrays: dict[str, NDArray[np.float32]]) -> Head:
    labels, dimensions = tuple(facts["labels"]), int(facts["dimensions"])
    width, layers = dimensions, []
    for i, layer in enumerate(facts["layers"]):
        outputs, activation = int(layer["outputs"]), layer["activation"]
        if activation not in _ACTIVATIONS:
            raise ValueError(f"activation {activation!r} is not known")
        layers.append(
            Layer(
                _checked(arrays, f"layers.{i}.weight", (width, outputs)),
                _checked(arrays, f"layers.{i}.bias", (outputs,)),
                activation == "relu",
            )
        )
        width = outputs
    if width != len(labels):
        raise ValueError(f"{width} outputs for {len(labels)} labels")
    scale = _checked(arrays, "standardisation.scale", (dimensions,))
    if not (scale > 0).all():
        raise ValueError("a scale is not above 0")
    return Head(
        fingerprint=bytes.fromhex(facts["fingerprint"]),
        dimensions=dimensions,
        labels=labels,
        mean=_checked(arrays, "standardisation.mean", (dimensions,)),
        scale=scale,
        layers=tuple(layers),
        rule=_rule(facts["unknown"], arrays, dimensions, len(labels)) if facts.get("unknown") else None,
    )


def _rule(numbers: dict[str, Any], arrays: dict[str, NDArray[np.float32]], dimensions: int, labels: int) -> UnknownRule:
    directions = len(arrays["unknown.background"])
    return UnknownRule(
        mean=_checked(arrays, "unknown.mean", (dimensions,)),
        projection=_checked(arrays, "unknown.projection", (dimensions, directions)),
        whitening=_checked(arrays, "unknown.whitening", (directions, directions)),
        centres=_checked(arrays, "unknown.centres", (labels, directions)),
        background=_checked(arrays, "unknown.background", (directions,)),
        residual_weight=float(numbers["residual_weight"]),
        slope=float(numbers["slope"]),
        offset=float(numbers["offset"]),
        accept=float(numbers["accept"]),
        reject=float(numbers["reject"]),
        minimum_probability=float(numbers["minimum_probability"]),
    )


def _checked(arrays: dict[str, NDArray[np.float32]], name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    array = arrays[name]
    if array.dtype != np.float32 or array.shape != shape:
        raise ValueError(f"tensor {name} is {array.dtype}{list(array.shape)} instead of float32{list(shape)}")
    return array

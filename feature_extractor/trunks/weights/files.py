"""Reads weights out of a `.weights.h5`, `.h5` or `.keras` file: arrays only, nothing in the file is ever executed."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from feature_extractor.trunks.weights.arrays import check_arrays, mismatch
from feature_extractor.trunks.weights.storage import numbered, places
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from feature_extractor.trunks.weights.arrays import ArraySpec
    from feature_extractor.trunks.weights.storage import Place

SUFFIXES = (".h5", ".keras")

_MEMBER = "model.weights.h5"  # where a .keras archive keeps its weights
_MAX_MEMBER_BYTES = 2**30  # the network has 96 MB with its top
_TOP = {"kernel", "bias"}  # the variables of `predictions`, the one layer of a file with top that is not needed
_KINDS = {"kernel": "conv2d", "beta": "batch_normalization"}  # a layer's class, told by its first variable
_DAMAGED = (
    *(OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, NotImplementedError),
)
"""What h5py and zipfile raise of a file that is damaged, or is something else inside."""


def read_weights(path: Path, specs: Sequence[ArraySpec]) -> dict[str, NDArray[np.float32]]:
    """The network's arrays out of a weights file, with or without the classification top.

    Raises:
        InvalidArgumentError: WEIGHTS_FORMAT, for another kind of file.
        FailedPreconditionError: WEIGHTS_MISSING, WEIGHTS_UNREADABLE, or WEIGHTS_MISMATCH naming what differs first.
    """
    if path.suffix not in SUFFIXES:
        raise InvalidArgumentError(
            f"{path} is not a .weights.h5, .h5 or .keras file; save the model's weights as one of these",
            reason="WEIGHTS_FORMAT",
        )
    if not path.is_file():
        raise FailedPreconditionError(f"there is no weights file {path}", reason="WEIGHTS_MISSING")
    try:
        source = _weights_member(path) if path.suffix == ".keras" else path
        with h5py.File(source, "r") as file:
            arrays = _read(file, specs, str(path))
    except _DAMAGED as error:
        raise FailedPreconditionError(
            f"{path} cannot be read as a Keras weights file: {error}", reason="WEIGHTS_UNREADABLE"
        ) from error
    check_arrays(arrays, specs, str(path))
    return arrays


def _weights_member(path: Path) -> io.BytesIO:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(_MEMBER).file_size > _MAX_MEMBER_BYTES:
            raise ValueError(f"{_MEMBER} in it is larger than {_MAX_MEMBER_BYTES} bytes")
        return io.BytesIO(archive.read(_MEMBER))


def _read(file: h5py.File, specs: Sequence[ArraySpec], source: str) -> dict[str, NDArray[np.float32]]:
    keras2 = file.get("model_weights", file)  # a whole model keeps its weights in this group
    stored = _keras2_layers(keras2) if "layer_names" in keras2.attrs else _keras3_layers(file)
    arrays: dict[str, NDArray[np.float32]] = {}
    wanted = dict(zip(places(specs), specs, strict=True))
    for place, spec in wanted.items():
        dataset = _find(stored, place)
        if dataset is None:
            raise mismatch(source, f"it holds nothing for layer {spec.layer} ({spec.variable})")
        arrays[spec.name] = _values(dataset, spec, source)
    folders = {place.folder for place in wanted}
    for folder, variables in stored.items():
        if folder in folders and len(variables) != sum(place.folder == folder for place in wanted):
            raise mismatch(source, f"its layer {folder} has {len(variables)} variables: {', '.join(variables)}")
        if folder not in folders and set(variables) not in (_TOP, {"0", "1"}):
            raise mismatch(source, f"it holds a layer {folder}, which the network does not have")
    return arrays


def _keras3_layers(file: h5py.File) -> dict[str, dict[str, Any]]:
    """Keras 3: `layers/FOLDER/vars/INDEX`; returns the datasets by folder and index."""
    if "layers" not in file:
        raise ValueError("it has neither Keras 3's `layers` nor Keras 2's `layer_names`")
    layers = _own(file, "layers")
    found = {name: dict(_own(_own(layers, name), "vars").items()) for name in layers if "vars" in _own(layers, name)}
    return {name: variables for name, variables in found.items() if variables}


def _keras2_layers(group: h5py.Group) -> dict[str, dict[str, Any]]:
    """Keras 2: layers with names of their own, listed in layer order; returns the datasets by folder and variable."""
    found: dict[str, dict[str, Any]] = {}
    made: dict[str, int] = {}
    for layer in map(_text, group.attrs["layer_names"]):
        weight_names = [_text(name) for name in _own(group, layer).attrs["weight_names"]]
        if not weight_names:
            continue
        variables = {name.rpartition("/")[2].partition(":")[0]: _own(group, f"{layer}/{name}") for name in weight_names}
        kind = layer if set(variables) == _TOP else _KINDS.get(next(iter(variables)), layer)
        found[numbered(kind, made.get(kind, 0))] = variables
        made[kind] = made.get(kind, 0) + 1
    return found


def _find(stored: Mapping[str, Mapping[str, Any]], place: Place) -> Any:
    variables = stored.get(place.folder, {})
    return variables.get(place.variable, variables.get(str(place.index)))


def _own(group: h5py.Group, path: str) -> Any:
    """A member of this very file: a link could lead to any other file of the machine."""
    for part in path.split("/"):
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise KeyError(f"{part} is missing, or not part of the file itself")
        group = group[part]
    return group


def _values(dataset: Any, spec: ArraySpec, source: str) -> NDArray[np.float32]:
    """float32[spec.shape]; the shape is compared before anything is read."""
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError(f"{spec.name} is not stored in the file itself")
    if dataset.shape != spec.shape:
        raise mismatch(source, f"{spec.name} has the shape {dataset.shape}, the network's is {spec.shape}")
    if dataset.dtype.kind != "f":
        raise mismatch(source, f"{spec.name} holds {dataset.dtype}, not floating-point numbers")
    return np.asarray(dataset[()], dtype=np.float32)


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name

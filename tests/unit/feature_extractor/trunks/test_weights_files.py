"""Weights files: both layouts of Keras are read, anything else is refused by name."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from feature_extractor.trunks.weights.arrays import ArraySpec, weights_sha256
from feature_extractor.trunks.weights.files import read_weights
from feature_extractor.trunks.weights.storage import write_weights
from feature_extractor.trunks.weights.untrained import random_arrays
from graft.errors import FailedPreconditionError, GraftError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# In layer order, which is not the order of the names' numbers.
SPECS = [
    ArraySpec("conv2d", "kernel", (1, 1, 3, 2)),
    ArraySpec("batch_normalization", "beta", (2,)),
    ArraySpec("batch_normalization", "moving_mean", (2,)),
    ArraySpec("conv2d_2", "kernel", (1, 1, 2, 4)),
    ArraySpec("conv2d_1", "kernel", (1, 1, 2, 4)),
]
ARRAYS = random_arrays([s for s in SPECS if s.variable != "moving_variance"], 3)


def write_keras2(path: Path, *, top: bool = False, group: str = "") -> None:
    """A file in Keras 2's layout: layers named as that process counted them, listed in layer order."""
    with h5py.File(path, "w") as file:
        root = file.create_group(group) if group else file
        names: list[str] = []
        for number, layer in enumerate(dict.fromkeys(spec.layer for spec in SPECS)):
            name = f"layer_{90 + number}"
            names += [name, f"activation_{number}"]
            variables = [spec for spec in SPECS if spec.layer == layer]
            root.create_group(f"activation_{number}").attrs["weight_names"] = []
            root.create_group(name).attrs["weight_names"] = [f"{name}/{s.variable}:0".encode() for s in variables]
            for spec in variables:
                root[name][f"{name}/{spec.variable}:0"] = ARRAYS[spec.name]
        if top:
            names.append("predictions")
            root.create_group("predictions").attrs["weight_names"] = ["predictions/kernel:0", "predictions/bias:0"]
            root["predictions/predictions/kernel:0"] = np.zeros((4, 5), np.float32)
            root["predictions/predictions/bias:0"] = np.zeros(5, np.float32)
        root.attrs["layer_names"] = names


def test_own_file_is_read_back(tmp_path: Path) -> None:
    """What is kept is what was imported, and nothing else is left in the folder."""
    path = tmp_path / "kept.weights.h5"
    write_weights(path, ARRAYS, SPECS)
    assert weights_sha256(read_weights(path, SPECS)) == weights_sha256(ARRAYS)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.weights.h5"]


def test_keras_archive_is_read(tmp_path: Path) -> None:
    """A .keras file is an archive around the same layout; its configuration is not looked at."""
    write_weights(tmp_path / "w.weights.h5", ARRAYS, SPECS)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.write(tmp_path / "w.weights.h5", "model.weights.h5")
        archive.writestr("config.json", '{"class_name": "Lambda"}')
    assert weights_sha256(read_weights(tmp_path / "model.keras", SPECS)) == weights_sha256(ARRAYS)


@pytest.mark.parametrize("top", [False, True])
@pytest.mark.parametrize("group", ["", "model_weights"])
def test_keras2_layout_is_read_in_layer_order(tmp_path: Path, top: bool, group: str) -> None:  # noqa: FBT001  # pytest
    """Older files match by the order of layers, with or without the classification top, bare or in a whole model."""
    write_keras2(tmp_path / "old.h5", top=top, group=group)
    assert weights_sha256(read_weights(tmp_path / "old.h5", SPECS)) == weights_sha256(ARRAYS)


def change(path: Path, edit: Callable[[Any], None]) -> None:
    """Write a good file, then edit it."""
    write_weights(path, ARRAYS, SPECS)
    with h5py.File(path, "r+") as file:
        edit(file)


def wrong_shape(file: Any) -> None:
    """Another number of channels in the second convolution."""
    del file["layers/conv2d_1/vars/0"]
    file["layers/conv2d_1/vars/0"] = np.zeros((1, 1, 2, 5), np.float32)


def missing_layer(file: Any) -> None:
    """No batch norm."""
    del file["layers/batch_normalization"]


def extra_layer(file: Any) -> None:
    """A convolution too many."""
    file["layers/conv2d_3/vars/0"] = np.zeros((1, 1, 2, 5), np.float32)


def extra_variable(file: Any) -> None:
    """A bias on a convolution that has none."""
    file["layers/conv2d/vars/1"] = np.zeros(2, np.float32)


def not_finite(file: Any) -> None:
    """A NaN among the weights."""
    file["layers/conv2d/vars/0"][0, 0, 0, 0] = np.nan


def integers(file: Any) -> None:
    """Numbers of another kind."""
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = np.zeros((1, 1, 3, 2), np.int64)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (wrong_shape, r"conv2d_2/kernel has the shape \(1, 1, 2, 5\), the network's is \(1, 1, 2, 4\)"),
        (missing_layer, "nothing for layer batch_normalization"),
        (extra_layer, "a layer conv2d_3"),
        (extra_variable, "layer conv2d has 2 variables"),
        (not_finite, "conv2d/kernel holds values that are not finite"),
        (integers, "conv2d/kernel holds int64"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path: Path, edit: Callable[[Any], None], says: str) -> None:
    """The first layer or shape that differs is named."""
    change(tmp_path / "w.weights.h5", edit)
    with pytest.raises(FailedPreconditionError, match=says) as caught:
        read_weights(tmp_path / "w.weights.h5", SPECS)
    assert caught.value.reason == "WEIGHTS_MISMATCH"


def test_links_out_of_the_file_are_not_followed(tmp_path: Path) -> None:
    """A file cannot make the server read another one."""
    write_weights(tmp_path / "other.h5", ARRAYS, SPECS)

    def link(file: Any) -> None:
        del file["layers/conv2d"]
        file["layers/conv2d"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "layers/conv2d")

    change(tmp_path / "w.weights.h5", link)
    with pytest.raises(FailedPreconditionError, match="not part of the file itself"):
        read_weights(tmp_path / "w.weights.h5", SPECS)


@pytest.mark.parametrize(
    ("name", "content", "error", "reason"),
    [
        ("model.pt", b"x", InvalidArgumentError, "WEIGHTS_FORMAT"),
        ("text.h5", b"hello", FailedPreconditionError, "WEIGHTS_UNREADABLE"),
        ("text.keras", b"hello", FailedPreconditionError, "WEIGHTS_UNREADABLE"),
        ("absent.h5", None, FailedPreconditionError, "WEIGHTS_MISSING"),
    ],
)
def test_other_files_are_refused(
    tmp_path: Path, name: str, content: bytes | None, error: type[GraftError], reason: str
) -> None:
    """What is no weights file is refused with the path in the message."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name) as caught:
        read_weights(tmp_path / name, SPECS)
    assert caught.value.reason == reason


def test_a_damaged_archive_is_told_as_such(tmp_path: Path) -> None:
    """A byte that changed within the compressed weights; zlib has an error of its own for that."""
    path = tmp_path / "w.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(range(256)) * 40)
    content = bytearray(path.read_bytes())
    start = content.index(b"model.weights.h5") + len("model.weights.h5")
    content[start : start + 3] = b"\xff\xff\xff"
    path.write_bytes(content)
    with pytest.raises(FailedPreconditionError, match=r"w\.keras") as caught:
        read_weights(path, SPECS)
    assert caught.value.reason == "WEIGHTS_UNREADABLE"


def test_an_array_where_a_group_should_be(tmp_path: Path) -> None:
    """A file of another program's may have any shape inside."""
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["layers/conv2d"] = np.zeros(3)
        file.attrs["layer_names"] = [1, 2]
    with pytest.raises(FailedPreconditionError, match=r"w\.h5") as caught:
        read_weights(path, SPECS)
    assert caught.value.reason == "WEIGHTS_UNREADABLE"

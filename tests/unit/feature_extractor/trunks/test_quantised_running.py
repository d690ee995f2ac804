"""A quantised network on OpenVINO: vectors that no batch-mate, thread or thread count changes."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from feature_extractor.trunks.quantised.manifest import CosineLoss, Manifest
from feature_extractor.trunks.quantised.running import open_quantised
from feature_extractor.trunks.quantised.store import MODEL_FILES, QuantisedTrunk, file_sha256
from graft.errors import DataLossError, FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MANIFEST = Manifest(
    weights="random:0",
    base_weights_sha256="00" * 32,
    layer="mixed0",
    preprocessing="pil-antialias-299-v1",
    dimensions=8,
    files={},
    versions={},
    pictures=0,
    pictures_sha256="",
    made_at="",
    cosine=CosineLoss(0, 1, 1, 1),
    head=None,
)


def quantised(value: Any, low: float, high: float, levels: int) -> Any:
    """Round to so many steps between low and high, as a quantiser marks it in a graph."""
    from openvino import opset13

    bounds = [opset13.constant(np.array(each, np.float32)) for each in (low, high, low, high)]
    return opset13.fake_quantize(value, *bounds, levels)


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> QuantisedTrunk:
    """Two 8-bit convolutions of stride 4 with a ReLU, averaged over positions: as the real network, in small."""
    import openvino
    from openvino import opset13

    random = np.random.default_rng(0)
    pictures = opset13.parameter([-1, 299, 299, 3], np.uint8)
    channels_first = opset13.transpose(pictures, opset13.constant(np.array([0, 3, 1, 2])))
    half_range, one = (opset13.constant(np.array(value, np.float32)) for value in (127.5, 1))
    maps = opset13.convert(channels_first, "f32") / half_range - one
    for before, after, low in ((3, 16, -1.0), (16, 8, 0.0)):
        kernel = random.normal(size=(after, before, 3, 3)).astype(np.float32)
        activations = quantised(maps, low, 1.0 if low else 8.0, 256)
        weights = quantised(opset13.constant(kernel), -3.0, 3.0, 255)
        maps = opset13.relu(opset13.convolution(activations, weights, [4, 4], [0, 0], [0, 0], [1, 1]))
    vectors = opset13.reduce_mean(maps, opset13.constant(np.array([2, 3])), keep_dims=False)
    folder = tmp_path_factory.mktemp("quantised")
    openvino.save_model(openvino.Model([vectors], [pictures]), folder / "model.xml", compress_to_fp16=False)
    files = {name: file_sha256(folder / name) for name in MODEL_FILES}
    return QuantisedTrunk(folder, "", replace(MANIFEST, files=files))


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """uint8[32, 299, 299, 3]: noise."""
    return np.random.default_rng(1).integers(0, 256, (32, 299, 299, 3), dtype=np.uint8)


@pytest.mark.openvino
def test_vector_does_not_depend_on_its_batch(trunk: QuantisedTrunk, pictures: NDArray[np.uint8]) -> None:
    """In batches of 1 to 32 a picture has the same vector, bit for bit; other pictures have others."""
    run = open_quantised(trunk, threads=2)
    alone = np.concatenate([run(pictures[i : i + 1]) for i in range(32)])
    assert alone.shape == (32, 8)
    assert alone.dtype == np.float32
    assert len(np.unique(alone, axis=0)) == 32
    for size in range(2, 33):
        assert np.array_equal(run(pictures[:size]), alone[:size]), size


@pytest.mark.openvino
def test_number_of_threads_changes_nothing(trunk: QuantisedTrunk, pictures: NDArray[np.uint8]) -> None:
    """One thread, two, and as many as there are cores give the same vectors."""
    one, two, all_cores = (open_quantised(trunk, threads=count)(pictures[:5]) for count in (1, 2, 0))
    assert np.array_equal(one, two)
    assert np.array_equal(one, all_cores)


@pytest.mark.openvino
def test_threads_may_share_it_and_outcomes_stay(trunk: QuantisedTrunk, pictures: NDArray[np.uint8]) -> None:
    """Calls from several threads at once give the vectors of calls one by one, which later calls do not overwrite."""
    run = open_quantised(trunk, threads=2)
    expected = [run(pictures[i : i + 2]) for i in range(8)]
    results: dict[int, list[NDArray[np.float32]]] = {}
    ready = threading.Barrier(8)

    def call(i: int) -> None:
        ready.wait()
        results[i] = [run(pictures[i : i + 2]) for _ in range(5)]

    threads = [threading.Thread(target=call, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(8):
        assert all(np.array_equal(vectors, expected[i]) for vectors in results[i])


@pytest.mark.openvino
def test_pictures_need_not_lie_in_one_piece(trunk: QuantisedTrunk, pictures: NDArray[np.uint8]) -> None:
    """Every other picture of an array, a view of it, is computed as its copy is."""
    run = open_quantised(trunk)
    assert np.array_equal(run(pictures[:8:2]), run(pictures[:8:2].copy()))


@pytest.mark.openvino
def test_files_that_changed_since_they_were_found_are_not_run(trunk: QuantisedTrunk) -> None:
    """What runs is what was checked, in one reading."""
    changed = replace(trunk, manifest=replace(trunk.manifest, files={**trunk.manifest.files, "model.bin": "00" * 32}))
    with pytest.raises(DataLossError, match=r"model\.bin"):
        open_quantised(changed)


def test_missing_engine_says_what_to_install(trunk_without_engine: QuantisedTrunk) -> None:
    """Without OpenVINO the error names the extra."""
    with pytest.raises(FailedPreconditionError, match=r"graft\[int8\]") as caught:
        open_quantised(trunk_without_engine)
    assert caught.value.reason == "ENGINE_MISSING"


@pytest.fixture
def trunk_without_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QuantisedTrunk:
    """A quantised trunk where OpenVINO cannot be found."""
    monkeypatch.setattr("sys.path", [])
    monkeypatch.setattr("sys.path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "openvino", raising=False)
    return QuantisedTrunk(tmp_path, "", MANIFEST)

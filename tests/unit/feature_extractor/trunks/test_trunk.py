"""The trunk: shapes, cuts, batches, precisions, and the proof of the nsfwjs importer."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from feature_extractor.decoding.images import PREPROCESSING_ID
from feature_extractor.trunks.architecture import Network, steady_names
from feature_extractor.trunks.devices import Device
from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.trunk import BUCKETS, Trunk, check_buckets, pad_batch, split_batch
from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.files import read_weights
from feature_extractor.trunks.weights.sources import Nsfwjs
from feature_extractor.trunks.weights.untrained import random_arrays
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

IDENTITY = TrunkIdentity("00" * 32, "avg_pool", PREPROCESSING_ID, 299, "float32", "tensorflow")
CPU = Device("CPU")


def trunk_of(
    network: Network, layer: str = "avg_pool", precision: str = "float32", buckets: Sequence[int] = BUCKETS
) -> Trunk:
    """The network cut at a layer, on TensorFlow and the processor."""
    model = network.cut(layer)
    identity = replace(IDENTITY, layer=layer, precision=precision)
    program = TensorFlowEngine().program(model, precision, CPU, threads=0)
    return Trunk(program, identity, dimensions=int(model.output.shape[-1]), device=CPU, buckets=buckets)


def least_cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The smallest cosine between rows."""
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / norms).min())


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """uint8[11, 299, 299, 3]: smooth random colours."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (11, 13, 13, 3), dtype=np.uint8)
    return coarse.repeat(23, axis=1).repeat(23, axis=2)


@pytest.fixture(scope="module")
def network() -> Network:
    """Inception-V3 with the weights of seed 0."""
    network = Network()
    network.set_arrays(random_arrays(network.specs, 0), "random:0")
    return network


@pytest.fixture(scope="module")
def trunk(network: Network) -> Trunk:
    """The network cut at the pool layer, in float32."""
    return trunk_of(network)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (7, [4, 2, 1]), (32, [32]), (71, [32, 32, 4, 2, 1]), (5, [4, 1])],
)
def test_batches_are_split_without_padding(count: int, sizes: list[int]) -> None:
    """Any number of pictures is a sum of buckets, the largest first."""
    assert split_batch(count, BUCKETS) == sizes


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (3, [4]), (7, [8]), (17, [32]), (32, [32]), (71, [32, 32, 8])]
)
def test_last_batch_of_an_accelerator_is_filled_up(count: int, sizes: list[int]) -> None:
    """Full batches, then the smallest bucket that holds the rest."""
    assert pad_batch(count, BUCKETS) == sizes


@pytest.mark.parametrize("device", [CPU, Device("GPU", "of some make")])
def test_blanks_never_reach_the_caller(device: Device) -> None:
    """Whatever sizes are run, each picture has its own vector, in order, and an accelerator gets whole buckets."""
    sizes: list[int] = []

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        sizes.append(len(pixels))
        return pixels.astype(np.float32)

    trunk = Trunk(run, IDENTITY, dimensions=2, device=device, buckets=(1, 4), blank=np.zeros(2, np.uint8))
    pictures = np.arange(14, dtype=np.uint8).reshape(7, 2)
    assert np.array_equal(trunk(pictures), pictures)
    assert sizes == ([4, 4] if device.accelerated else [4, 1, 1, 1])
    assert trunk.concurrency == (2 if device.accelerated else 1)
    sizes.clear()
    trunk.warm_up()
    assert sizes == [1, 4]


@pytest.mark.parametrize("buckets", [(), (2, 4), (1, 4, 2), (1, 1)])
def test_impossible_buckets_are_refused(buckets: tuple[int, ...]) -> None:
    """Without a bucket of 1 some numbers could not be split."""
    with pytest.raises(ValueError, match="must ascend from 1"):
        check_buckets(buckets)


def test_names_do_not_depend_on_earlier_networks() -> None:
    """Counted names start at 0 again in each network; names the architecture gives stay."""
    assert steady_names(["input_layer_1", "conv2d_94", "conv2d_96", "conv2d_95", "mixed9_1", "mixed10"]) == [
        "input_layer", "conv2d", "conv2d_2", "conv2d_1", "mixed9_1", "mixed10",
    ]  # fmt: skip


@pytest.mark.tensorflow
def test_second_network_has_the_same_specs(network: Network) -> None:
    """Two networks in one process need arrays of the same names and shapes, 94 convolutions and 94 batch norms."""
    assert Network().specs == network.specs
    assert len(network.specs) == 94 * 4
    assert network.specs[0].name == "conv2d/kernel"


@pytest.mark.tensorflow
def test_vectors_have_the_shape_and_device_that_the_trunk_says(trunk: Trunk, pictures: NDArray[np.uint8]) -> None:
    """float32[n, 2048], non-negative, for any n down to none."""
    vectors = trunk(pictures[:3])
    assert vectors.shape == (3, trunk.dimensions) == (3, 2048)
    assert vectors.dtype == np.float32
    assert vectors.min() >= 0
    assert trunk(pictures[:0]).shape == (0, 2048)
    assert trunk.device.startswith(("CPU", "GPU"))


@pytest.mark.tensorflow
def test_scaling_happens_inside_the_graph(network: Network, trunk: Trunk, pictures: NDArray[np.uint8]) -> None:
    """uint8 pictures give what the Keras model gives for the same pictures in [-1, 1]."""
    model = network.cut("avg_pool")
    expected = model(pictures[:2].astype(np.float32) / 127.5 - 1, training=False).numpy()
    assert np.allclose(trunk(pictures[:2]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.tensorflow
def test_threads_may_share_a_trunk(trunk: Trunk, pictures: NDArray[np.uint8]) -> None:
    """Calls from several threads at once give the vectors of calls one by one."""
    results: dict[int, NDArray[np.float32]] = {}
    threads = [
        threading.Thread(target=lambda i=i: results.__setitem__(i, trunk(pictures[i : i + 2]))) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert least_cosine(results[i], trunk(pictures[i : i + 2])) >= 0.9999


@pytest.mark.tensorflow
def test_precisions_agree_and_do_not_disturb_each_other(
    network: Network, trunk: Trunk, pictures: NDArray[np.uint8]
) -> None:
    """bfloat16 vectors are near the float32 ones, and building that trunk changes nothing in the other."""
    before = trunk(pictures[:4])
    lower = trunk_of(network, precision="bfloat16")
    after = lower(pictures[:4])
    assert least_cosine(before, after) >= 0.999
    assert np.array_equal(before, trunk(pictures[:4]))


@pytest.mark.tensorflow
@pytest.mark.parametrize(("layer", "dimensions"), [("mixed7", 768), ("conv2d_5", 64), ("mixed9_1", 768)])
def test_cut_at_any_layer_averages_positions(
    network: Network, pictures: NDArray[np.uint8], layer: str, dimensions: int
) -> None:
    """Each layer's output becomes one number a channel."""
    cut = trunk_of(network, layer, buckets=(1,))
    assert cut.dimensions == dimensions
    assert cut(pictures[:1]).shape == (1, dimensions)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "near"), [("mixed77", "mixed7"), ("avgpool", "avg_pool"), ("input_layer", "avg_pool")]
)
def test_unknown_layer_names_the_nearest(network: Network, name: str, near: str) -> None:
    """A misspelt layer is refused with the names it may have meant."""
    with pytest.raises(InvalidArgumentError, match=near) as caught:
        network.cut(name)
    assert caught.value.reason == "UNKNOWN_LAYER"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras saves with NumPy's old way of copying
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["model.weights.h5", "model.h5", "model.keras"])
def test_files_saved_by_keras_are_read(network: Network, tmp_path: Path, name: str) -> None:
    """What Keras itself saves, a classification top included, comes back as the arrays that were in it."""
    import keras

    arrays = random_arrays(network.specs, 1)
    top = keras.applications.InceptionV3(weights=None, include_top=True, classes=3)
    names = steady_names([layer.name for layer in top.layers])
    for layer_name, layer in zip(names, top.layers, strict=True):
        if layer_name != "predictions":
            layer.set_weights([arrays[f"{layer_name}/{variable.name}"] for variable in layer.weights])
    path = tmp_path / name
    save: Any = top.save_weights if name.endswith(".weights.h5") else top.save
    save(path)
    assert weights_sha256(read_weights(path, network.specs)) == weights_sha256(arrays)


@pytest.mark.tensorflow
@pytest.mark.weights
def test_nsfwjs_features_equal_those_of_tensorflow_js(nsfwjs_weights_folder: Path, fixtures_folder: Path) -> None:
    """The imported network gives, in float32 at the pool layer, what TensorFlow.js computes from the package."""
    network = Network()
    arrays = Nsfwjs().arrays(nsfwjs_weights_folder, network.specs, "", threading.Event())
    network.set_arrays(arrays, "nsfwjs")
    known = np.load(fixtures_folder / "nsfwjs_4.3.0_tfjs_wasm.npz")
    float32 = trunk_of(network)(known["images_uint8"])
    assert np.abs(float32 - known["features_2048"]).max() < 1e-4
    lower = trunk_of(network, "mixed7", "bfloat16")(known["images_uint8"])
    assert least_cosine(lower, trunk_of(network, "mixed7")(known["images_uint8"])) >= 0.9999

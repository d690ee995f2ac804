"""bfloat16 on a processor: how weights are rounded, and how near to float32 the vectors stay."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.trunks.devices import Device
from feature_extractor.trunks.engines.bfloat16_weights import diffuse, for_bfloat16, to_bfloat16
from feature_extractor.trunks.precision import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CPU = Device("CPU")
ULP = 2.0**-8  # relative distance of neighbouring bfloat16 numbers, at most 2^-7


@pytest.fixture
def kernel() -> NDArray[np.float32]:
    """float32[3, 3, 16, 8], as random as trained ones."""
    return np.random.default_rng(3).normal(0, 0.05, (3, 3, 16, 8)).astype(np.float32)


def layer(kernel: NDArray[np.float32], number: str) -> dict[str, NDArray[np.float32]]:
    """A convolution and its batch norm, under the names they have in the network."""
    random = np.random.default_rng(4)
    filters = kernel.shape[-1]
    return {
        f"conv2d{number}/kernel": kernel,
        f"batch_normalization{number}/beta": random.normal(size=filters).astype(np.float32),
        f"batch_normalization{number}/moving_mean": random.normal(size=filters).astype(np.float32),
        f"batch_normalization{number}/moving_variance": random.uniform(0.1, 2, filters).astype(np.float32),
    }


def applied(arrays: dict[str, NDArray[np.float32]], number: str, patch: NDArray[np.float32]) -> NDArray[np.float64]:
    """One place of the convolution's output after its batch norm: patch float32[3, 3, channels] to [filters]."""
    kernel = arrays[f"conv2d{number}/kernel"].astype(np.float64)
    norm = f"batch_normalization{number}"
    product = np.einsum("hwc,hwcf->f", patch, kernel) - arrays[f"{norm}/moving_mean"]
    outcome: NDArray[np.float64] = product / np.sqrt(arrays[f"{norm}/moving_variance"] + 1e-3) + arrays[f"{norm}/beta"]
    return outcome


def test_rounding_goes_to_the_nearest_and_to_the_even_of_two() -> None:
    """Known values: exact ones stay, halfway ones go to the even neighbour, others to the nearest."""
    step = 2.0**-7
    values = np.array([1, -3.5, 0, 1 + step / 2, 1 + 3 * step / 2, 1 + 0.6 * step, -(1 + 0.4 * step)], np.float32)
    assert to_bfloat16(values).tolist() == [1, -3.5, 0, 1, 1 + 2 * step, 1 + step, -1]


def test_diffusion_keeps_the_sums_of_taps_and_channels(kernel: NDArray[np.float32]) -> None:
    """Every value is one that bfloat16 holds and near its own; a filter's sum errs by no more than one rounding."""
    rounded = diffuse(kernel)
    assert np.array_equal(rounded, to_bfloat16(rounded))
    largest = np.abs(kernel).max()
    assert np.abs(rounded - kernel).max() <= 2 * ULP * largest
    exact = kernel.astype(np.float64).sum((0, 1, 2))
    assert np.abs(rounded.sum((0, 1, 2), dtype=np.float64) - exact).max() <= ULP * largest
    assert np.abs(to_bfloat16(kernel).sum((0, 1, 2), dtype=np.float64) - exact).max() > 2 * ULP * largest


def test_folding_leaves_the_function_as_it_was(kernel: NDArray[np.float32]) -> None:
    """An even patch, where errors would add up, gives what the layer gives unrounded; the first ones are untouched."""
    arrays = {**layer(kernel, ""), **layer(kernel, "_1")}
    prepared = for_bfloat16(arrays, exact=1, layer="mixed7")
    assert all(np.array_equal(prepared[name], arrays[name]) for name in layer(kernel, ""))
    even = np.full((3, 3, 16), 0.9, np.float32)
    np.testing.assert_allclose(applied(prepared, "_1", even), applied(arrays, "_1", even), atol=2e-3)
    assert np.array_equal(prepared["conv2d_1/kernel"], to_bfloat16(prepared["conv2d_1/kernel"]))
    assert arrays["conv2d_1/kernel"] is kernel


@pytest.mark.tensorflow
@pytest.mark.parametrize("cut", ["conv2d_2", "batch_normalization_2", "activation_2"])
def test_every_kind_of_layer_can_be_the_cut(cut: str) -> None:
    """A convolution's own output is what it is in float32, although its batch norm's scale is far from 1."""
    from feature_extractor.trunks.architecture import Network
    from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
    from feature_extractor.trunks.weights.untrained import random_arrays

    engine, network = TensorFlowEngine(), Network()
    arrays = random_arrays(network.specs, 3)
    variance = "batch_normalization_2/moving_variance"
    arrays[variance] = np.linspace(0.01, 4, arrays[variance].size, dtype=np.float32)
    vectors = []
    for precision in (FLOAT32, BFLOAT16):
        network.set_arrays(engine.prepared(arrays, precision, CPU, cut), "random:3")
        vectors.append(engine.program(network.cut(cut), precision, CPU, threads=0)(things_on_even_grounds()[:2]))
    assert np.abs(vectors[0] - vectors[1]).max() < 0.02 * np.abs(vectors[0]).max()


@pytest.mark.tensorflow
@pytest.mark.weights
def test_bfloat16_stays_near_float32_for_every_picture(nsfwjs_weights_folder: Path) -> None:
    """Real weights, textures and things on an even ground: no vector's cosine to its float32 one is below 0.9999."""
    from feature_extractor.trunks.architecture import Network
    from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
    from feature_extractor.trunks.weights.sources import Nsfwjs

    engine, network = TensorFlowEngine(), Network()
    arrays = Nsfwjs().arrays(nsfwjs_weights_folder, network.specs, "", threading.Event())
    vectors = {}
    for precision in (FLOAT32, BFLOAT16):
        network.set_arrays(engine.prepared(arrays, precision, CPU, "mixed7"), "nsfwjs")
        program = engine.program(network.cut("mixed7"), precision, CPU, threads=0)
        vectors[precision] = np.concatenate([program(batch) for batch in np.split(things_on_even_grounds(), 3)])
    cosines = [
        float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        for a, b in zip(vectors[FLOAT32].astype(float), vectors[BFLOAT16].astype(float), strict=True)
    ]
    assert min(cosines) >= 0.9999
    assert min(cosines) < 0.9999999  # it is another arithmetic


def things_on_even_grounds() -> NDArray[np.uint8]:
    """uint8[12, 299, 299, 3]: coarse textures on white, on black and on colours."""
    random = np.random.default_rng(5)
    made = []
    for ground in (255, 0, 200, 90) * 3:
        picture = np.full((299, 299, 3), ground, np.uint8)
        cells = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        picture[60:240, 60:240] = cells.repeat(15, axis=0).repeat(15, axis=1)
        made.append(picture)
    return np.stack(made)

"""A picture's vector does not depend on its batch-mates, for batches of 1 to 32."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from feature_extractor.decoding.images import PREPROCESSING_ID
from feature_extractor.trunks.architecture import Network
from feature_extractor.trunks.devices import Device
from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.trunk import Trunk
from feature_extractor.trunks.weights.untrained import random_arrays

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

BOUNDS = {"float32": 1e-5, "bfloat16": 1e-2}
"""Largest relative difference |a - b| / |b| of two vectors of one picture; docs/engines.md states them."""

PICTURES = 32
Alone = tuple[Trunk, "NDArray[np.float32]"]


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """uint8[32, 299, 299, 3]: from smooth to noisy, black and white among them."""
    random = np.random.default_rng(1)
    made = []
    for cells in (1, 13, 23, 299) * (PICTURES // 4):
        coarse = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        made.append(coarse.repeat(299 // cells, axis=0).repeat(299 // cells, axis=1))
    made[0][:], made[1][:] = 0, 255
    return np.stack(made)


@pytest.fixture(scope="module")
def alone_in(pictures: NDArray[np.uint8]) -> Callable[[str], Alone]:
    """By precision: a trunk, and the vectors of the pictures run one by one."""
    network = Network()
    network.set_arrays(random_arrays(network.specs, 2), "random:2")
    model = network.cut("avg_pool")
    made: dict[str, Alone] = {}

    def get(precision: str) -> Alone:
        if precision not in made:
            device = Device("CPU")
            program = TensorFlowEngine().program(model, precision, device, threads=0)
            identity = TrunkIdentity("00" * 32, "avg_pool", PREPROCESSING_ID, 299, precision, "tensorflow")
            trunk = Trunk(program, identity, dimensions=2048, device=device)
            made[precision] = trunk, np.concatenate([trunk(picture[np.newaxis]) for picture in pictures])
        return made[precision]

    return get


@pytest.mark.tensorflow
@pytest.mark.timeout(600)  # some 200 pictures, on whatever processor this is
@pytest.mark.parametrize("precision", list(BOUNDS))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(order=list(range(PICTURES)), size=32)
@example(order=list(range(PICTURES))[::-1], size=31)
@given(order=st.permutations(range(PICTURES)), size=st.integers(1, PICTURES))
def test_vector_does_not_depend_on_its_batch(
    alone_in: Callable[[str], Alone], pictures: NDArray[np.uint8], precision: str, order: list[int], size: int
) -> None:
    """Any pictures in any order, run as one batch, give what each gives alone, within the stated bound."""
    trunk, alone = alone_in(precision)
    chosen = order[:size]
    together = trunk(pictures[chosen])
    expected = alone[chosen]
    difference = np.linalg.norm(together - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert difference.max() <= BOUNDS[precision], f"picture {chosen[int(difference.argmax())]} of {chosen}"


@pytest.mark.tensorflow
@pytest.mark.parametrize("precision", list(BOUNDS))
def test_the_bound_tells_pictures_apart(alone_in: Callable[[str], Alone], precision: str) -> None:
    """Vectors of two pictures differ by more than the bound, or the property above would say nothing."""
    _, alone = alone_in(precision)
    first, second = alone[2], alone[3]
    assert np.linalg.norm(first - second) / np.linalg.norm(second) > BOUNDS[precision]

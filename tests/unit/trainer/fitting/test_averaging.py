"""Averages: one network that computes the weighted sum of several networks' logits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from trainer.fitting.averaging import averaged
from trainer.registry import heads


def _network(seed: int, *sizes: int) -> heads.Network:
    rng = np.random.default_rng(seed)
    widths = list(itertools.pairwise(sizes))
    layers = tuple(
        heads.Layer(
            rng.normal(size=pair).astype(np.float32),
            rng.normal(size=pair[1]).astype(np.float32),
            "linear" if index == len(widths) - 1 else "relu",
        )
        for index, pair in enumerate(widths)
    )
    mean = rng.normal(size=sizes[0]).astype(np.float32)
    return heads.Network(mean, rng.uniform(0.5, 2, sizes[0]).astype(np.float32), layers)


@pytest.mark.parametrize(
    "shapes",
    [
        [(7, 3)],
        [(7, 3), (7, 3)],
        [(7, 3), (7, 5, 3)],
        [(7, 5, 4, 3), (7, 3), (7, 6, 3), (7, 3)],
        [(7, 5, 3), (7, 4, 3)],
    ],
)
def test_the_logits_are_the_weighted_sum(shapes: list[tuple[int, ...]]) -> None:
    """Linear heads and networks of any depth, each with its own standardisation, are summed exactly."""
    networks = [_network(seed, *shape) for seed, shape in enumerate(shapes)]
    factors = [0.5 + seed for seed in range(len(shapes))]
    vectors = np.random.default_rng(9).normal(size=(20, 7)).astype(np.float32)
    wanted = sum(factor * heads.logits(network, vectors) for network, factor in zip(networks, factors, strict=True))
    one = averaged(networks, factors)
    assert np.allclose(heads.logits(one, vectors), wanted, rtol=1e-4, atol=1e-4)
    assert [layer.activation for layer in one.layers[:-1]] == ["relu"] * (max(map(len, shapes)) - 2)
    assert one.layers[-1].activation == "linear"

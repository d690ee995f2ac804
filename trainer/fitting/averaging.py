"""Several heads as one: a network whose logits are a weighted sum of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Sequence

    DoubleArray = npt.NDArray[np.float64]
    Affine = tuple[DoubleArray, DoubleArray]  # weight [inputs, outputs], bias [outputs]


def averaged(networks: Sequence[heads.Network], factors: Sequence[float]) -> heads.Network:
    """Return a network with the logits Σ factor · logits of these networks, to the rounding of float32.

    The members lie side by side: each has its units in every layer, with zeros between them. A member with fewer
    layers than the deepest carries its logits z on as relu(z) and relu(-z), which later layers leave as they are. The
    inputs are standardised as the first member does it; the others' first layers make up for the difference.

    Args:
        networks: one or more, for vectors of one length and the same labels, ReLU after every layer but the last.
        factors: one for each.
    """
    mean, scale = networks[0].mean.astype(np.float64), networks[0].scale.astype(np.float64)
    depth = max(len(network.layers) for network in networks)
    stacks = [_stretched(_rebased(network, mean, scale), depth) for network in networks]
    layers = []
    for index in range(depth):
        affines = [stack[index] for stack in stacks]
        if index == depth - 1:
            affines = [(weight * by, bias * by) for (weight, bias), by in zip(affines, factors, strict=True)]
        weight, bias = _joined(affines, shared=index == 0, summed=index == depth - 1)
        activation = "linear" if index == depth - 1 else "relu"
        layers.append(heads.Layer(weight.astype(np.float32), bias.astype(np.float32), activation))
    return heads.Network(networks[0].mean, networks[0].scale, tuple(layers))


def _rebased(network: heads.Network, mean: DoubleArray, scale: DoubleArray) -> list[Affine]:
    """Return the layers for inputs z = (x - mean) / scale, its own being (z · scale + mean - m) / s."""
    affines = [(layer.weight.astype(np.float64), layer.bias.astype(np.float64)) for layer in network.layers]
    weight, bias = affines[0]
    own = network.scale.astype(np.float64)
    shift = (mean - network.mean) / own
    affines[0] = (weight * (scale / own)[:, np.newaxis], bias + shift @ weight)
    return affines


def _stretched(affines: list[Affine], depth: int) -> list[Affine]:
    """Return layers that do the same in `depth` of them."""
    missing = depth - len(affines)
    if not missing:
        return affines
    weight, bias = affines[-1]
    classes = len(bias)
    both = (np.concatenate([weight, -weight], axis=1), np.concatenate([bias, -bias]))
    carried = (np.eye(2 * classes), np.zeros(2 * classes))
    ends = (np.concatenate([np.eye(classes), -np.eye(classes)]), np.zeros(classes))
    return [*affines[:-1], both, *[carried] * (missing - 1), ends]


def _joined(affines: list[Affine], *, shared: bool, summed: bool) -> Affine:
    """Put layers side by side; `shared` inputs are the same for all, `summed` outputs are added up."""
    weights, biases = [weight for weight, _ in affines], [bias for _, bias in affines]
    if summed:
        weight = np.sum(weights, axis=0) if shared else np.concatenate(weights)
        return weight, np.sum(biases, axis=0)
    bias = np.concatenate(biases)
    if shared:
        return np.concatenate(weights, axis=1), bias
    weight = np.zeros((sum(len(each) for each in weights), len(bias)))
    row = column = 0
    for each in weights:
        weight[row : row + each.shape[0], column : column + each.shape[1]] = each
        row, column = row + each.shape[0], column + each.shape[1]
    return weight, bias

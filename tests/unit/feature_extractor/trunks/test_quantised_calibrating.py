"""The quantiser's script: what it changes in a graph before quantising leaves the outcome as it was."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from feature_extractor.trunks.quantised.calibrating import fold_scales


def constant(value: Any) -> Any:
    """A float32 constant."""
    from openvino import opset13

    return opset13.constant(np.asarray(value, np.float32))


def scaled_convolution(maps: Any, scale: Any, bias: Any, kernel: Any) -> tuple[Any, Any]:
    """A convolution, and what a folded batch norm makes of it: scaled and shifted by channel."""
    from openvino import opset13

    convolution = opset13.convolution(maps, constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    return convolution, convolution * constant(scale) + constant(bias)


def outcome(model: Any, pictures: Any) -> Any:
    """What the model computes."""
    import openvino

    return openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([pictures])[0]


def kinds(model: Any) -> Counter[str]:
    """How many operations there are of each kind."""
    return Counter(node.get_type_name() for node in model.get_ops())


@pytest.mark.openvino
def test_scales_go_into_the_kernels() -> None:
    """No multiplication is left between convolution and bias, and the outcome is the same."""
    import openvino
    from openvino import opset13

    random = np.random.default_rng(0)
    pictures = opset13.parameter([-1, 3, 9, 9], np.float32)
    maps = pictures
    for before, after in ((3, 5), (5, 4)):
        kernel = random.normal(size=(after, before, 3, 3))
        scale, bias = random.uniform(0.1, 3, (1, after, 1, 1)), random.normal(size=(1, after, 1, 1))
        maps = opset13.relu(scaled_convolution(maps, scale, bias, kernel)[1])
    model = openvino.Model([maps], [pictures])
    given = random.normal(size=(2, 3, 9, 9)).astype(np.float32)
    before_folding = outcome(model, given).copy()
    fold_scales(model)
    assert (kinds(model)["Multiply"], kinds(model)["Convolution"]) == (0, 2)
    assert np.abs(before_folding).max() > 1
    assert np.allclose(outcome(model, given), before_folding, rtol=1e-5, atol=1e-5)


@pytest.mark.openvino
def test_convolution_with_another_user_is_left_alone() -> None:
    """A convolution whose unscaled outcome is used too keeps its kernel."""
    import openvino
    from openvino import opset13

    random = np.random.default_rng(0)
    pictures = opset13.parameter([-1, 3, 9, 9], np.float32)
    kernel = random.normal(size=(4, 3, 3, 3))
    convolution, shifted = scaled_convolution(pictures, np.full((1, 4, 1, 1), 2), np.ones((1, 4, 1, 1)), kernel)
    model = openvino.Model([opset13.concat([convolution, shifted], 1)], [pictures])
    given = random.normal(size=(2, 3, 9, 9)).astype(np.float32)
    before_folding = outcome(model, given).copy()
    fold_scales(model)
    assert kinds(model)["Multiply"] == 1
    assert np.allclose(outcome(model, given), before_folding)

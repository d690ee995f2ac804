"""Operations of TensorFlow's in ONNX's words.

TensorFlow's maps are [n, h, w, channels], ONNX's [n, channels, h, w]: the picture is turned once at the beginning,
every map stays turned, and axes and constants follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Constants = Mapping[str, NDArray[Any]]

_MAP_RANK: Final = 4
_TURN: Final = (0, 3, 1, 2)
_TURN_BACK: Final = (0, 2, 3, 1)
_TURNED_AXIS: Final = {0: 0, 1: 2, 2: 3, 3: 1}
_PASSING: Final = frozenset({"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics", "EnsureShape"})
_SAME_WORD: Final = frozenset({"Relu", "Sigmoid", "Tanh", "Elu"})
_ARITHMETIC: Final = {
    "Add": "Add", "AddV2": "Add", "BiasAdd": "Add", "Sub": "Sub", "Mul": "Mul", "RealDiv": "Div", "Div": "Div",
    "Maximum": "Max", "Minimum": "Min",
}  # fmt: skip


class Translation:
    """The nodes of an ONNX graph, grown an operation at a time, inputs first.

    Args:
        source: the tensor that takes pictures, [n, h, w, 3].

    Attributes:
        nodes: so far.
        initializers: constants, so far.
    """

    def __init__(self, source: str) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._names: dict[str, str] = {}
        self._source = source

    def add(self, operation: Any, constants: Constants) -> None:
        """Add what computes an operation.

        Args:
            operation: of a tf.Graph; whatever flows into it was added before.
            constants: values of its other inputs, by tensor.

        Raises:
            FailedPreconditionError: EXPORT_OPERATION_UNSUPPORTED.
        """
        kind = operation.type
        if kind == "Placeholder" and operation.outputs[0].name == self._source:
            name = self._source.partition(":")[0]
            self._node("Transpose", [name], operation, perm=_TURN)
        elif kind in _PASSING:
            self._names[operation.outputs[0].name] = self._names[operation.inputs[0].name]
        elif kind in _SAME_WORD or kind == "Softmax":
            self._node(kind, [self._value(operation, 0)], operation)
        elif kind in _ARITHMETIC:
            operands = [self._operand(operation, place, constants) for place in range(2)]
            self._node(_ARITHMETIC[kind], operands, operation)
        else:
            self._translators().get(kind, self._refuse)(operation, constants)

    def finish(self, tensor: str, name: str) -> None:
        """Give a tensor the name of an output."""
        from onnx import helper

        self.nodes.append(helper.make_node("Identity", [self._names[tensor]], [name]))

    def _translators(self) -> dict[str, Callable[[Any, Constants], None]]:
        norm = dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), self._batch_norm)
        return {
            **norm,
            "Conv2D": self._convolution,
            "MaxPool": self._pool,
            "AvgPool": self._pool,
            "Concat": self._concatenation,
            "ConcatV2": self._concatenation,
            "Mean": self._mean,
            "Reshape": self._reshape,
            "Squeeze": self._reshape,
            "MatMul": self._product,
            "BatchNormWithGlobalNormalization": self._old_batch_norm,
        }

    def _convolution(self, operation: Any, constants: Constants) -> None:
        kernel = self._constant(operation, 1, constants).transpose(3, 2, 0, 1)  # h, w, in, out
        inputs = [self._value(operation, 0), self._initializer(operation.inputs[1].name, kernel)]
        windows, dilations = _windows(operation), list(operation.get_attr("dilations"))[1:3]
        if (
            dilations != [1, 1] and windows["auto_pad"] != "VALID"
        ):  # ONNX Runtime wants these written out; the step is 1
            wide = [(size - 1) * step for size, step in zip(kernel.shape[2:], dilations, strict=True)]
            windows = {
                "strides": windows["strides"],
                "pads": [*(each // 2 for each in wide), *(-(-each // 2) for each in wide)],
            }
        self._node("Conv", inputs, operation, dilations=dilations, **windows)

    def _pool(self, operation: Any, constants: Constants) -> None:  # noqa: ARG002 - as the others
        kind = "MaxPool" if operation.type == "MaxPool" else "AveragePool"
        shape = list(operation.get_attr("ksize"))[1:3]
        self._node(kind, [self._value(operation, 0)], operation, kernel_shape=shape, **_windows(operation))

    def _batch_norm(self, operation: Any, constants: Constants) -> None:
        _check_layout(operation)
        parts = [self._constant(operation, place, constants) for place in range(1, 5)]  # scale, offset, mean, variance
        self._normalise(operation, parts, operation.get_attr("epsilon"))

    def _old_batch_norm(self, operation: Any, constants: Constants) -> None:
        mean, variance, beta, gamma = (self._constant(operation, place, constants) for place in range(1, 5))
        scale = gamma if operation.get_attr("scale_after_normalization") else np.ones_like(gamma)
        self._normalise(operation, [scale, beta, mean, variance], operation.get_attr("variance_epsilon"))

    def _normalise(self, operation: Any, parts: list[NDArray[Any]], epsilon: float) -> None:
        names = [self._initializer(f"{operation.name}/{place}", part) for place, part in enumerate(parts)]
        self._node("BatchNormalization", [self._value(operation, 0), *names], operation, epsilon=epsilon)

    def _concatenation(self, operation: Any, constants: Constants) -> None:
        first = operation.type == "Concat"  # the old one takes the axis first
        count = len(operation.inputs) - 1
        axis = int(self._constant(operation, 0 if first else count, constants))
        rank = operation.outputs[0].shape.rank
        axis = axis % rank
        parts = [self._value(operation, place + first) for place in range(count)]
        self._node("Concat", parts, operation, axis=_TURNED_AXIS[axis] if rank == _MAP_RANK else axis)

    def _mean(self, operation: Any, constants: Constants) -> None:
        rank = operation.inputs[0].shape.rank
        axes = sorted(int(axis) % rank for axis in np.ravel(self._constant(operation, 1, constants)))
        kept = bool(operation.get_attr("keep_dims"))
        if rank == _MAP_RANK:
            if axes != [1, 2]:
                self._refuse(operation, constants)
            axes = [_TURNED_AXIS[axis] for axis in axes]
        self._node("ReduceMean", [self._value(operation, 0)], operation, axes=axes, keepdims=int(kept))

    def _reshape(self, operation: Any, constants: Constants) -> None:  # noqa: ARG002 - as the others
        """To [n, values]; anything else is refused."""
        shape = operation.outputs[0].shape
        if shape.rank != 2:  # noqa: PLR2004 - pictures and values
            self._refuse(operation, {})
        value = self._value(operation, 0)
        if operation.inputs[0].shape.rank == _MAP_RANK:
            turned = f"{operation.name}/turned"
            self._append("Transpose", [value], turned, perm=_TURN_BACK)
            value = turned
        target = self._initializer(f"{operation.name}/shape", np.array([-1, shape[1]], np.int64))
        self._node("Reshape", [value, target], operation)

    def _product(self, operation: Any, constants: Constants) -> None:
        if operation.get_attr("transpose_a"):
            self._refuse(operation, constants)
        weight = self._constant(operation, 1, constants)
        weight = weight.T if operation.get_attr("transpose_b") else weight
        self._node("MatMul", [self._value(operation, 0), self._initializer(operation.name, weight)], operation)

    def _refuse(self, operation: Any, constants: Constants) -> None:  # noqa: ARG002 - as the others
        raise FailedPreconditionError(
            f"the trunk's graph holds the operation {operation.type} ({operation.name}) in a way that has no "
            "translation to ONNX: export it in another format",
            reason="EXPORT_OPERATION_UNSUPPORTED",
        )

    def _value(self, operation: Any, place: int) -> str:
        """The name of an input that pictures flow through."""
        name = self._names.get(operation.inputs[place].name)
        if name is None:
            self._refuse(operation, {})
        return str(name)

    def _constant(self, operation: Any, place: int, constants: Constants) -> NDArray[Any]:
        """The value of an input that is the same for all pictures."""
        value = constants.get(operation.inputs[place].name)
        if value is None:
            self._refuse(operation, {})
        return np.asarray(value)

    def _operand(self, operation: Any, place: int, constants: Constants) -> str:
        """One side of arithmetic; a constant beside a map is turned as the map is."""
        tensor = operation.inputs[place]
        if tensor.name not in constants:
            return self._value(operation, place)
        value = np.asarray(constants[tensor.name])
        if operation.outputs[0].shape.rank == _MAP_RANK and value.ndim:
            value = value.reshape((1,) * (_MAP_RANK - value.ndim) + value.shape).transpose(_TURN)
        return self._initializer(tensor.name, value)

    def _initializer(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant/{len(self.initializers)}/{name.partition(':')[0]}"
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _node(self, kind: str, inputs: list[str], operation: Any, **attributes: Any) -> None:
        """A node that gives the operation's first output."""
        name = operation.outputs[0].name.partition(":")[0] + "/value"
        self._names[operation.outputs[0].name] = name
        self._append(kind, inputs, name, **attributes)

    def _append(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))


def _windows(operation: Any) -> dict[str, Any]:
    """Strides and padding of a convolution or a pool."""
    _check_layout(operation)
    padding = operation.get_attr("padding").decode()
    if padding not in {"SAME", "VALID"}:
        raise FailedPreconditionError(
            f"the padding {padding} of {operation.name} is not translated to ONNX: export in another format",
            reason="EXPORT_OPERATION_UNSUPPORTED",
        )
    return {
        "strides": list(operation.get_attr("strides"))[1:3],
        "auto_pad": "SAME_UPPER" if padding == "SAME" else "VALID",
    }


def _check_layout(operation: Any) -> None:
    if operation.get_attr("data_format").decode() != "NHWC":
        raise FailedPreconditionError(
            f"{operation.name} takes its channels first, which is not translated to ONNX: export in another format",
            reason="EXPORT_OPERATION_UNSUPPORTED",
        )

"""A GraphDef as data: who feeds whom, tensors by name, and the nearest names to one that is not there."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_extractor.trunks.weights.graphs import unreadable_graph
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TENSOR = re.compile(r"([^:^\s][^:\s]*)(?::(\d{1,4}))?")
_NEAREST = 5
_LEAST_LIKENESS = 0.3


@dataclass(frozen=True, slots=True)
class Tensor:
    """One output of one node; `str` gives `node:0`."""

    node: str
    index: int = 0

    def __str__(self) -> str:
        return f"{self.node}:{self.index}"


def tensor_of(name: str) -> Tensor:
    """The tensor that `node`, `node:0`, or an input as a GraphDef spells it means.

    Raises:
        InvalidArgumentError: GRAPH_TENSOR_NAME.
    """
    found = _TENSOR.fullmatch(name)
    if found is None:
        raise InvalidArgumentError(
            f"{name!r} is not the name of a tensor; give it as NODE:NUMBER, for example pool_3/_reshape:0",
            reason="GRAPH_TENSOR_NAME",
        )
    return Tensor(found[1], int(found[2] or 0))


class Structure:
    """The nodes of a GraphDef by name, with their inputs and users; control inputs count as inputs."""

    def __init__(self, graph_def: Any) -> None:
        self.nodes: dict[str, Any] = {node.name: node for node in graph_def.node}
        self._users: dict[str, list[str]] = {}
        for node in graph_def.node:
            for each in dict.fromkeys(self.inputs(node.name)):
                self._users.setdefault(each, []).append(node.name)

    def inputs(self, name: str) -> list[str]:
        """Names of the nodes that a node takes something from, in order."""
        return [each.removeprefix("^").partition(":")[0] for each in self.nodes[name].input]

    def data_inputs(self, name: str) -> list[Tensor]:
        """The tensors that a node takes, in order."""
        return [tensor_of(each) for each in self.nodes[name].input if not each.startswith("^")]

    def users(self, name: str) -> list[str]:
        """Names of the nodes that take something from a node, in file order."""
        return self._users.get(name, [])

    def require(self, name: str, source: str) -> Tensor:
        """The named tensor, if its node is there.

        Raises:
            InvalidArgumentError: GRAPH_TENSOR_NAME.
            FailedPreconditionError: GRAPH_TENSOR_MISSING, with the nearest names.
        """
        tensor = tensor_of(name)
        if tensor.node not in self.nodes:
            near = ", ".join(f"{each}:0" for each in self.nearest(tensor.node))
            raise missing(source, name, f"the nearest names are {near}")
        return tensor

    def nearest(self, name: str) -> list[str]:
        """The names of nodes most like one that is not there; constants only where nothing else is like it."""
        others = [each for each, node in self.nodes.items() if node.op != "Const"]
        close = difflib.get_close_matches(name, others, _NEAREST, _LEAST_LIKENESS)
        return close or difflib.get_close_matches(name, list(self.nodes), _NEAREST, 0.0)

    def ancestors(self, names: Iterable[str], *, stop: str = "") -> set[str]:
        """These nodes and all that they depend on; what lies above `stop` is left out, `stop` itself is not."""
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                if name != stop:
                    waiting += self.inputs(name)
        return seen

    def downstream(self, name: str) -> list[str]:
        """What depends on a node, nearest first, itself not counted."""
        found: dict[str, None] = {}
        waiting = [name]
        for each in waiting:  # grows while it is walked through: breadth first
            for user in self.users(each):
                if user not in found:
                    found[user] = None
                    waiting.append(user)
        return list(found)

    def constant(self, name: str) -> Any:
        """The value of a constant as an array, None for any other node.

        Raises:
            FailedPreconditionError: GRAPH_UNREADABLE, its bytes do not fit its shape.
        """
        tensor = self._constant(name)
        if tensor is None:
            return None
        from tensorflow.python.framework.tensor_util import MakeNdarray

        try:
            return MakeNdarray(tensor)
        except (ValueError, TypeError) as error:
            raise unreadable_graph("the file", f"its constant {name!r} cannot be read: {error}") from error

    def constant_shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a constant, None for any other node; its values are left alone."""
        tensor = self._constant(name)
        return None if tensor is None else tuple(int(axis.size) for axis in tensor.tensor_shape.dim)

    def _constant(self, name: str) -> Any:
        """The TensorProto of a constant, also behind operations that pass it on; None for any other node."""
        seen: set[str] = set()
        node = self.nodes[name]
        while node.op in ("Identity", "StopGradient") and node.name not in seen:  # a damaged file may hold a circle
            seen.add(node.name)
            node = self.nodes[self.inputs(node.name)[0]]
        return node.attr["value"].tensor if node.op == "Const" else None


def missing(source: str, tensor: str, hint: str) -> FailedPreconditionError:
    """The error for a tensor that is not there."""
    return FailedPreconditionError(
        f"{source} has no tensor {tensor!r}; {hint}. `graft trunk inspect` lists what can be an input and an output",
        reason="GRAPH_TENSOR_MISSING",
        metadata={"tensor": tensor},
    )

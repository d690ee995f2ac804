"""Which engine runs a trunk: from the flags, the kind of weights and the precision."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final

from feature_extractor.trunks.precision import INT8
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

AUTO: Final = "auto"
TENSORFLOW: Final = "tensorflow"
JAX: Final = "jax"
OPENVINO: Final = "openvino"

_EXTRAS: Final = {TENSORFLOW: "extractor", JAX: "jax", OPENVINO: "int8"}


def is_importable(name: str) -> bool:
    """Whether a package is installed; it is not imported."""
    return importlib.util.find_spec(name) is not None


def choose_engine(asked: str, *, precision: str, graph: bool) -> str:
    """`tensorflow`, `jax` or `openvino`; `auto` is OpenVINO for int8 and TensorFlow for all else.

    `graph` tells that the weights are a frozen graph, which only TensorFlow runs.

    Raises:
        InvalidArgumentError: UNKNOWN_ENGINE, or ENGINE_UNSUPPORTED for what the engine cannot run.
    """
    if asked not in (AUTO, TENSORFLOW, JAX):
        raise InvalidArgumentError(
            f"there is no engine {asked!r}; choose auto, tensorflow or jax", reason="UNKNOWN_ENGINE"
        )
    if graph and precision == INT8:
        raise _unsupported("a frozen graph cannot be quantised: leave --precision out, or give weights of another kind")
    if graph and asked == JAX:
        raise _unsupported("JAX cannot run a frozen graph of TensorFlow's: leave --engine out, or give other weights")
    if precision == INT8 and asked != AUTO:
        raise _unsupported(f"a trunk of int8 runs on OpenVINO, not on {asked}: leave --engine out")
    if asked != AUTO:
        return asked
    return OPENVINO if precision == INT8 else TENSORFLOW


def require_engine(engine: str, importable: Callable[[str], bool] = is_importable) -> None:
    """Refuse an engine that is not installed, saying how to get it.

    Raises:
        FailedPreconditionError: ENGINE_MISSING.
    """
    if importable(engine):
        return
    others = [name for name in (TENSORFLOW, JAX) if name != engine and importable(name)]
    instead = f", or choose --engine {others[0]}, which is installed" if others and engine != OPENVINO else ""
    raise FailedPreconditionError(
        f"the trunk runs on {engine}, which is not installed: pip install 'graft[{_EXTRAS[engine]}]'{instead}",
        reason="ENGINE_MISSING",
    )


def keras_backend(importable: Callable[[str], bool] = is_importable) -> str:
    """An installed engine that can build a Keras network where it does not matter which; TensorFlow if both can."""
    return JAX if importable(JAX) and not importable(TENSORFLOW) else TENSORFLOW


def _unsupported(message: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="ENGINE_UNSUPPORTED")

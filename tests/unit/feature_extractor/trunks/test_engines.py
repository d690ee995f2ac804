"""Engines: which is chosen, and what is said when it is not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from feature_extractor.trunks.engines.choice import choose_engine, is_importable, keras_backend, require_engine
from feature_extractor.trunks.precision import PRECISIONS
from graft.errors import FailedPreconditionError, InvalidArgumentError


def test_auto_suits_the_precision() -> None:
    """OpenVINO for int8, TensorFlow for all else, a frozen graph included."""
    chosen = {name: choose_engine("auto", precision=name, graph=False) for name in PRECISIONS}
    assert chosen == {"auto": "tensorflow", "float32": "tensorflow", "bfloat16": "tensorflow", "int8": "openvino"}
    assert choose_engine("auto", precision="auto", graph=True) == "tensorflow"
    assert choose_engine("jax", precision="bfloat16", graph=False) == "jax"


@pytest.mark.parametrize(
    ("asked", "precision", "graph", "said"),
    [
        ("jax", "auto", True, "JAX cannot run a frozen graph"),
        ("auto", "int8", True, "a frozen graph cannot be quantised"),
        ("tensorflow", "int8", False, "runs on OpenVINO, not on tensorflow"),
        ("jax", "int8", False, "runs on OpenVINO, not on jax"),
        ("openvino", "int8", False, "choose auto, tensorflow or jax"),
    ],
)
def test_what_an_engine_cannot_run_is_refused(asked: str, precision: str, graph: bool, said: str) -> None:  # noqa: FBT001  # pytest passes it
    """Each impossible pair is named."""
    with pytest.raises(InvalidArgumentError, match=said):
        choose_engine(asked, precision=precision, graph=graph)


def test_a_missing_engine_says_how_to_get_it() -> None:
    """The pip command, and another engine if one is there."""
    with pytest.raises(
        FailedPreconditionError, match=r"pip install 'graft\[extractor\]', or choose --engine jax"
    ) as caught:
        require_engine("tensorflow", {"jax"}.__contains__)
    assert caught.value.reason == "ENGINE_MISSING"
    with pytest.raises(FailedPreconditionError, match=r"pip install 'graft\[int8\]'$"):
        require_engine("openvino", {"jax"}.__contains__)
    require_engine("jax", {"jax"}.__contains__)
    assert is_importable("json")
    assert not is_importable("no_such_package")


def test_any_engine_can_build_a_network_to_look_at() -> None:
    """JAX only where TensorFlow is missing."""
    assert keras_backend({"jax"}.__contains__) == "jax"
    assert keras_backend({"jax", "tensorflow"}.__contains__) == "tensorflow"


IMPORT = """
import os, sys
from feature_extractor.trunks.engines.keras_backend import import_keras
keras = import_keras("jax")
print(keras.config.backend(), os.environ.get("KERAS_BACKEND"), "tensorflow" in sys.modules)
try:
    import_keras("tensorflow")
except Exception as error:
    print(error.reason)
"""


@pytest.mark.jax
@pytest.mark.parametrize("own", [{}, {"KERAS_BACKEND": "tensorflow"}])
def test_keras_comes_on_the_backend_asked_for(own: dict[str, str]) -> None:
    """Whatever the user's own variable says, which is left alone; a second backend in the process is refused."""
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"} | own
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["jax", own.get("KERAS_BACKEND", "None"), "False", "WRONG_KERAS_BACKEND"]

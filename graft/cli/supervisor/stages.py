"""The four stages as processes: their modules, whom each must know, and how its command line is built."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import graft
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST: Final = "127.0.0.1"
_SERVING: Final = ("grpc_health", "grpc_reflection", "prometheus_client", "pydantic_settings", "structlog")


@dataclass(frozen=True, slots=True)
class Stage:
    """One service.

    Attributes:
        name: its module, and its name everywhere.
        flag: the flag by which others are told its address.
        needs: names of those whose addresses it must be told.
        packages: what must be installed for it, beside the engine that runs the extractor's trunk.
    """

    name: str
    flag: str
    needs: tuple[str, ...]
    packages: tuple[str, ...]


STAGES: Final = (
    Stage("feature_extractor", "--extractor", (), (*_SERVING, "h5py", "keras", "lmdb", "PIL")),
    Stage("trainer", "--trainer", ("feature_extractor",), (*_SERVING, "safetensors", "tensorflow")),
    Stage("classifier", "--classifier", ("trainer",), (*_SERVING, "safetensors")),
    Stage("gateway", "", ("feature_extractor", "trainer", "classifier"), _SERVING),
)
"""In the order of their starting; they are stopped in the opposite one."""

_FLAGS: Final = {stage.name: stage.flag for stage in STAGES}


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall run.

    Attributes:
        home: directory of all state.
        ports: by stage; 0 takes a free one.
        extra: further flags by stage.
        grace_s: seconds a stage is given to end before it is killed.
    """

    home: Path
    ports: Mapping[str, int]
    extra: Mapping[str, tuple[str, ...]]
    grace_s: float

    def known_addresses(self) -> dict[str, str]:
        """Return the addresses that are fixed before anything has started."""
        return {name: f"{HOST}:{port}" for name, port in self.ports.items() if port}

    def command(self, stage: Stage, addresses: Mapping[str, str]) -> list[str]:
        """Return a stage's command line; `addresses` holds those it needs, and its own once it is known."""
        neighbours = [part for name in stage.needs for part in (_FLAGS[name], addresses[name])]
        listen = addresses.get(stage.name, f"{HOST}:0")
        # -P: a folder called `trainer` where the user happens to be must not be taken for ours.
        return [
            *(sys.executable, "-P", "-m", stage.name),
            *("--listen", listen, "--home", str(self.home)),
            *neighbours,
            *self.extra.get(stage.name, ()),
        ]


def environment() -> dict[str, str]:
    """Return the environment of the stages: this one's, in which the modules beside this package are found."""
    root = str(Path(graft.__file__).parents[1])
    variables = dict(os.environ)
    if root != sysconfig.get_path("purelib"):  # a source tree
        paths = [path for path in (variables.get("PYTHONPATH"), root) if path]
        variables["PYTHONPATH"] = os.pathsep.join(paths)
    return variables


def engine_of(engine: str, precision: str) -> tuple[str, str]:
    """Return the package that runs the trunk, and the extra that brings it if `all` does not."""
    if precision == "int8":
        return "openvino", "int8"
    return ("jax", "jax") if engine == "jax" else ("tensorflow", "")


def check_installed(engine: str = "", precision: str = "") -> None:
    """Raise FailedPreconditionError, saying how to install the rest, unless all four stages can run here.

    `engine` and `precision` are the trunk's flags, empty if not given.
    """
    package, extra = engine_of(engine, precision)
    wanted = dict.fromkeys([*(name for stage in STAGES for name in stage.packages), package])
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        extras = f"all,{extra}" if extra else "all"
        raise FailedPreconditionError(
            f"this install lacks {', '.join(missing)}: pip install 'graft[{extras}]' brings what the services need",
            reason="NOT_INSTALLED",
        )

"""`graft up`: the four services on this machine."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graft.cli import output
from graft.cli.session import session_of
from graft.cli.supervisor.records import home_lock
from graft.errors import GraftError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.status import Status

    from graft.cli.supervisor.records import Up


class Precision(StrEnum):
    """The arithmetic inside the trunk."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class Engine(StrEnum):
    """What runs the trunk."""

    AUTO = "auto"
    TENSORFLOW = "tensorflow"
    JAX = "jax"


class GraphMode(StrEnum):
    """How a frozen graph is run."""

    BATCHED = "batched"
    FAITHFUL = "faithful"


_NETWORK_LIMIT_S: Final = 2.0
"""How long the question which network serves may keep us from looking after the services."""

_Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Without it: after the gateway's.", show_default=False)
]


def up(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65532, help="Port of the gateway; 0 takes free ports for all.")
    ] = 50050,
    extractor_port: _Port = None,
    trainer_port: _Port = None,
    classifier_port: _Port = None,
    weights: Annotated[
        str, typer.Option(help="auto, imagenet, nsfwjs, random:SEED, a file or a frozen graph.", show_default=False)
    ] = "",
    layer: Annotated[str, typer.Option(help="Layer to cut the trunk at.", show_default=False)] = "",
    grace: Annotated[
        float, typer.Option(min=0, help="Seconds each service is given to end before it is killed.")
    ] = 45.0,
    precision: Annotated[Precision | None, typer.Option(help="Arithmetic of the trunk.", show_default=False)] = None,
    engine: Annotated[Engine | None, typer.Option(help="What runs the trunk.", show_default=False)] = None,
    device: Annotated[
        str, typer.Option(help="Where the trunk runs: auto, cpu, gpu or gpu:N.", show_default=False)
    ] = "",
    graph_input: Annotated[
        str, typer.Option(help="Tensor of a frozen graph that takes a picture's bytes.", show_default=False)
    ] = "",
    graph_output: Annotated[
        str, typer.Option(help="Tensor of a frozen graph that is the vector.", show_default=False)
    ] = "",
    graph_mode: Annotated[GraphMode | None, typer.Option(help="How a frozen graph is run.", show_default=False)] = None,
    *,
    cpu_fallback: Annotated[
        bool,
        typer.Option("--cpu-fallback", help="Run on the processor where --device asks for a GPU that is not there."),
    ] = False,
) -> None:
    """Run the services on this machine until Ctrl-C, then stop them in order.

    State and logs are under the home (--home). A service that dies is started again at its address; one that cannot be
    started ends them all. HOME/up.json tells addresses and processes, HOME/up-exit.json how it ended.
    """
    from graft.cli.supervisor.stages import Plan, check_installed
    from graft.cli.supervisor.supervisor import Supervisor

    check_installed(engine or "", precision or "")
    home = session_of(context).home.absolute()
    flags = {
        "--weights": weights,
        "--layer": layer,
        "--precision": precision or "",
        "--engine": engine or "",
        "--device": device,
        "--graph-input": graph_input,
        "--graph-output": graph_output,
        "--graph-mode": graph_mode or "",
    }
    trunk_flags = tuple(part for flag, value in flags.items() if value for part in (flag, str(value)))
    if cpu_fallback:
        trunk_flags += ("--cpu-fallback",)
    chosen = (extractor_port, trainer_port, classifier_port)
    derived = [(port and port + place) if own is None else own for place, own in enumerate(chosen, start=1)]
    ports = dict(zip(("feature_extractor", "trainer", "classifier"), derived, strict=True)) | {"gateway": port}
    with home_lock(home):
        screen = Screen(home)
        code = Supervisor(Plan(home, ports, {"feature_extractor": trunk_flags}, grace), screen).run()
    raise typer.Exit(code)


class Screen:
    """Lines on standard output; a spinner while something is waited for, if there is a terminal."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._console: Console = output.console()
        self._status: Status | None = None
        self._waiting: list[str] = []

    def say(self, line: str) -> None:
        """Print a line."""
        with suppress(OSError):  # a full disk under our output stops no service
            self._end_waiting()
            self._console.print(line, markup=False)

    def warn(self, line: str) -> None:
        """Print a line on standard error."""
        with suppress(OSError):  # a full disk under our output stops no service
            self._end_waiting()
            typer.echo(f"graft: {line}", err=True)

    def waiting(self, stages: list[str], last_line: str) -> None:
        """Show what is waited for: always on a terminal, when it changes elsewhere."""
        with suppress(OSError):
            self._show_waiting(stages, last_line)
        self._waiting = stages

    def _show_waiting(self, stages: list[str], last_line: str) -> None:
        text = f"waiting for {', '.join(stages)}"
        if self._console.is_terminal:
            from rich.markup import escape

            shown = escape(f"{text}  {last_line}"[: self._console.width - 4])
            if self._status is None:
                self._status = self._console.status(shown)
                self._status.start()
            self._status.update(shown)
        elif stages != self._waiting:
            self._console.print(text, markup=False)

    def ready(self, up: Up) -> None:
        """Print the addresses, and which network serves."""
        rows = [
            (name, stage.address, stage.pid, self._home / "logs" / f"{name}.log") for name, stage in up.stages.items()
        ]
        with suppress(OSError):
            self._end_waiting()
            output.print_table(["service", "address", "#process", "log"], rows, "")
        self.say(f"Graft is ready at {up.address_of('gateway')}; Ctrl-C stops it")
        self._name_network(up.address_of("gateway"))

    def _name_network(self, gateway: str) -> None:
        from graft.client import Client

        try:
            with Client(gateway, timeout_s=_NETWORK_LIMIT_S) as client:
                trunk = client.trunk()
        except GraftError:
            return  # it is no more than a courtesy; `graft status` says what is wrong
        reason = f": {trunk.weights_reason}" if trunk.weights_reason else ""
        self.say(f"network: {trunk.weights} weights, cut at {trunk.layer}, {trunk.precision}{reason}")

    def _end_waiting(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

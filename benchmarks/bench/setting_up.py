"""Everything that is measured, started and held: loops, extractors, peers and the two load generators."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.dialogue import Worker, WorkerError
from bench.environments import environment
from bench.homes import copy_home, keep_weights
from bench.quantising import quantised
from bench.servers import PEERS, NotStartedError, bentoml, extractor, litserve, trunk_of
from bench.sides import CALLERS, Loop, Peer, Service

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from bench.servers import Server
    from bench.sides import Side

BATCH = 16
KERAS_BATCH = 32
LAYER = "avg_pool"
_BENCHMARKS = Path(__file__).parents[1]
_FIRST, _FIRST_OF_BULK = "1000000000", "2000000000"


@dataclass
class Setting:
    """What can be measured.

    Attributes:
        precision: what the extractor chooses here by itself.
        reason: why these weights.
        bare: the bare trunk in each precision.
        services: the extractor in each precision.
        keras: Keras `predict`.
        peers: LitServe and BentoML, by name.
        bulk: a second load generator.
        layer: where the network is cut, on every side.
        left_out: what could not be had, and why.
    """

    precision: str
    reason: str
    bare: dict[str, Loop]
    services: dict[str, Service]
    keras: Loop
    peers: dict[str, Peer]
    bulk: Worker
    layer: str = LAYER
    left_out: dict[str, str] = field(default_factory=dict)

    def sides(self, served: str, looped: str) -> dict[str, Side]:
        """All sides under the names of their figures, each bare trunk next to the service with the same one."""
        sides: dict[str, Side] = {}
        keras = f"batch {KERAS_BATCH}" if looped.startswith("batch") else looped
        sides[f"Keras predict, {keras}"] = self.keras
        for precision, loop in self.bare.items():
            sides[f"bare trunk, {precision}, {looped}"] = loop
            sides[f"{self.services[precision].work.name}, {served}"] = self.services[precision]
        for name, peer in self.peers.items():
            sides[f"{name}, {served}"] = peer
        return sides

    def bare_loops(self) -> list[tuple[str, Loop]]:
        """The bare trunks under their names."""
        return [(f"bare trunk, {precision}", loop) for precision, loop in self.bare.items()]

    def to_json(self) -> dict[str, Any]:
        """What is measured, for the report."""
        sides: list[Side] = [*self.services.values(), *self.bare.values(), self.keras, *self.peers.values()]
        return {
            "weights_reason": self.reason,
            "layer": self.layer,
            "precision_of_its_choice": self.precision,
            "sides": [asdict(each.work) for each in sides],
            "peers": {name: _pins(name) for name in self.peers},
            "callers": CALLERS,
            "batch": BATCH,
            "batch_of_keras": KERAS_BATCH,
        }

    def servers(self) -> Iterable[tuple[str, Server]]:
        """All services under their names, but for peers that failed: they may be gone."""
        named = {each.work.name: each.server for each in self.services.values()}
        return (named | {name: peer.server for name, peer in self.peers.items() if not peer.work.faults}).items()


def set_up(stack: ExitStack, home: Path, folder: Path, given: argparse.Namespace, keep: Path) -> Setting:
    """Start everything, one after another, each held as soon as it is ready."""
    load, bulk = (
        stack.enter_context(Worker(sys.executable, str(_BENCHMARKS / "load.py"), str(folder), first))
        for first in (_FIRST, _FIRST_OF_BULK)
    )
    left_out: dict[str, str] = {}
    chosen = _bare(stack, home, folder, given.weights, "auto")
    keep_weights(home, keep / "weights")
    told = chosen.identity
    weights, by_itself = told["weights"], told["precision"]
    precisions = dict.fromkeys(["float32", by_itself])
    if given.int8:
        left_out["int8"] = quantised(home, folder, weights, LAYER)
        precisions |= {} if left_out["int8"] else {"int8": None}
    bare: dict[str, Loop] = {}
    services: dict[str, Service] = {}
    for precision in precisions:
        bare[precision] = (
            chosen
            if precision == by_itself
            else _bare(stack, copy_home(home, f"bare-{precision}"), folder, weights, precision)
        )
        own = copy_home(home, f"service-{precision}")
        flags = ("--weights", weights, "--layer", LAYER, "--precision", precision)
        server = stack.enter_context(extractor(own, *flags, name=f"extractor, {precision}"))
        services[precision] = Service(server, trunk_of(server.address), load)
    keras = Worker(sys.executable, str(_BENCHMARKS / "keras_predict.py"), str(folder))
    loop = Loop(stack.enter_context(keras), "Keras predict", KERAS_BATCH)
    peers = _peers(stack, home.parent, keep / "venvs", load, left_out) if given.peers else {}
    why_not = {what: why for what, why in left_out.items() if why}
    return Setting(by_itself, told["reason"], bare, services, loop, peers, bulk, left_out=why_not)


def _bare(stack: ExitStack, home: Path, folder: Path, weights: str, precision: str) -> Loop:
    flags = ["--weights", weights, "--layer", LAYER, "--precision", precision]
    worker = Worker(sys.executable, str(_BENCHMARKS / "bare_trunk.py"), str(home), str(folder), *flags)
    return Loop(stack.enter_context(worker), f"bare trunk, {precision}", BATCH)


def _peers(stack: ExitStack, logs: Path, venvs: Path, load: Worker, left_out: dict[str, str]) -> dict[str, Peer]:
    peers: dict[str, Peer] = {}
    known: list[tuple[str, Any, str, str]] = [
        ("LitServe", litserve, "/predict", "content"),
        ("BentoML", bentoml, "/features", "pictures"),
    ]
    for name, run, path, of_form in known:
        try:
            python = environment(_requirements(name), venvs / name.lower())
            with ExitStack() as trying:
                server = trying.enter_context(run(python, logs / f"{name.lower()}.log"))
                peers[name] = Peer(server, load, path, of_form)
                stack.push(trying.pop_all())
        except subprocess.CalledProcessError as error:
            left_out[name] = f"it cannot be installed: {str(error.stderr).strip()[-300:]}"
        except (NotStartedError, WorkerError, OSError) as error:  # OSError: its command is not there
            left_out[name] = str(error)
    return peers


def _requirements(peer: str) -> Path:
    return PEERS / f"{peer.lower()}.txt"


def _pins(peer: str) -> list[str]:
    return [line for line in _requirements(peer).read_text().splitlines() if not line.startswith("#")]

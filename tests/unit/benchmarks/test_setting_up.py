"""Peers that cannot be had, and what the report says of everything that is measured."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from bench import setting_up
from bench.dialogue import WorkerError
from bench.servers import NotStartedError
from bench.sides import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def raising(error: BaseException) -> Any:
    """A function that does nothing else."""

    def fail(*_: object) -> None:
        raise error

    return fail


class Started:
    """Servers that start; remembers which were ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def of(self, name: str) -> Callable[[Path, Path], Any]:
        """The function that starts one."""

        @contextmanager
        def start(_: Path, __: Path) -> Iterator[str]:
            try:
                yield name
            finally:
                self.ended.append(name)

        return start


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Both peers, installed and willing."""
    servers = Started()
    monkeypatch.setattr(setting_up, "environment", lambda _, folder: folder / "python")
    monkeypatch.setattr(setting_up, "litserve", servers.of("LitServe"))
    monkeypatch.setattr(setting_up, "bentoml", servers.of("BentoML"))
    monkeypatch.setattr(setting_up, "Peer", lambda server, *_: server)
    return servers


def peers(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Those that can be measured, and why not the others."""
    left_out: dict[str, str] = {}
    with ExitStack() as stack:
        found = setting_up._peers(stack, folder, folder, None, left_out)  # type: ignore[arg-type] # nobody asks the load
    return list(found), left_out


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("error", [NotStartedError("no port"), OSError("no port")], ids=["ends", "has no command"])
def test_a_peer_that_does_not_start_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
) -> None:
    """The other one is measured."""
    monkeypatch.setattr(setting_up, "litserve", raising(error))
    assert peers(tmp_path) == (["BentoML"], {"LitServe": "no port"})


def test_a_peer_whose_first_answer_is_an_error_is_ended_and_left_out(
    started: Started, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It must not go on beside what is measured."""
    ended_before: list[list[str]] = []

    def ask(server: str, *_: object) -> str:
        if server == "LitServe":
            raise WorkerError("http: 500")
        ended_before.append(list(started.ended))
        return server

    monkeypatch.setattr(setting_up, "Peer", ask)
    assert peers(tmp_path) == (["BentoML"], {"LitServe": "http: 500"})
    assert ended_before == [["LitServe"]]


def side(name: str, *faults: str) -> Any:
    """A side with its server."""
    work = Work(name, "", "float32", "avg_pool", 2048, engine="tensorflow", faults=list(faults))
    return SimpleNamespace(work=work, server=f"server of {name}")


def test_the_report_names_every_side_and_the_peers_pins() -> None:
    """Weights, layer, precision, engine, fingerprint and faults of each; a peer that failed has no footprint."""
    run = setting_up.Setting(
        precision="float32",
        reason="asked for",
        bare={"float32": side("bare trunk")},
        services={"float32": side("service")},
        keras=side("Keras predict"),
        peers={"LitServe": side("LitServe", "http: 500"), "BentoML": side("BentoML")},
        bulk=None,  # type: ignore[arg-type] # not asked for anything
    )
    told = run.to_json()
    assert [each["name"] for each in told["sides"]] == ["service", "bare trunk", "Keras predict", "LitServe", "BentoML"]
    assert {"weights", "layer", "precision", "engine", "fingerprint", "faults"} <= set(told["sides"][0])
    assert told["sides"][3]["faults"] == ["http: 500"]
    assert any(each.startswith("litserve==") for each in told["peers"]["LitServe"])
    assert [name for name, _ in run.servers()] == ["service", "BentoML"]

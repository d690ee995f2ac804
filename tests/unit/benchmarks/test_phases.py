"""Sides in turns, when one of them gives up."""

from __future__ import annotations

from typing import Any

import pytest
from bench.dialogue import WorkerError
from bench.figures import Figures
from bench.phases import rates_in_turns
from bench.sides import Peer, Sample, Work


class Steady:
    """A side that always answers."""

    def __init__(self) -> None:
        self.work = Work("steady", "", "float32", "avg_pool", 2048)

    def many(self, seconds: float) -> Sample:
        """Ten pictures a second."""
        return Sample(10.0, int(10 * seconds))

    def one(self, seconds: float) -> Sample:
        """Not measured here."""
        raise AssertionError(seconds)


def failing(side: Any) -> Any:
    """The side, which answers its warm-up and nothing more."""
    left = iter([Sample(10.0, 10)])

    def many(_: float) -> Sample:
        for sample in left:
            return sample
        raise WorkerError("http: 500")

    side.many = many
    return side


def test_a_peer_that_gives_up_is_noted_and_the_others_go_on() -> None:
    """Its figure has no value, its work a fault; the other side has all its rounds."""
    peer = failing(Peer.__new__(Peer))
    peer.work = Work("LitServe", "", "float32", "avg_pool", 2048)
    figures = Figures()
    rates_in_turns(figures, {"peer": peer, "steady": Steady()}, rounds=3, seconds=1.0)
    assert figures.value("peer") is None
    assert figures.value("steady") == 10.0
    assert peer.work.faults == ["http: 500"]
    assert [len(each["rounds"]) for each in figures.to_json() if each["what"] == "steady"] == [3]
    rates_in_turns(figures, {"peer": peer, "steady": Steady()}, rounds=1, seconds=1.0)
    assert peer.work.faults == ["http: 500"]  # it was not asked again


def test_an_own_side_that_gives_up_ends_the_run() -> None:
    """A report without Graft's own figures would be none."""
    with pytest.raises(WorkerError, match="500"):
        rates_in_turns(Figures(), {"own": failing(Steady())}, rounds=1, seconds=1.0)

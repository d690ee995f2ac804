"""Random schedules for the pipeline: calls of every kind, callers that leave, and parts that fail, in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from pipeline_bench import Bench, expected_vector

from feature_extractor.decoding.views import View
from feature_extractor.pipeline.calls import Terms
from feature_extractor.pipeline.lanes import Lane
from graft.errors import (
    DeadlineExceededError,
    InvalidArgumentError,
    ResourceExhaustedError,
    UnavailableError,
)

if TYPE_CHECKING:
    from concurrent.futures import Future

    from feature_extractor.pipeline.flights import Extracted

CONTENTS = (b"1", b"2", b"3" * 40, b"4" * 90, b"5", b"bad", b"", b"x" * 101)
GOOD = CONTENTS[:5]


class TrunkFailureError(Exception):
    """What the fake trunk raises."""


@dataclass(frozen=True)
class Call:
    """A call for some pictures; its deadline is relative."""

    contents: tuple[bytes, ...]
    lane: Lane
    within_s: float | None
    durable: bool
    patient: bool
    views: int
    seed: int


CALLS = st.builds(
    Call,
    st.lists(st.sampled_from(CONTENTS), min_size=1, max_size=6).map(tuple),
    lane=st.sampled_from(Lane),
    within_s=st.sampled_from([None, None, 0.0, 3.0, 1000.0]),
    durable=st.booleans(),
    patient=st.booleans(),
    views=st.integers(0, 3),
    seed=st.integers(0, 1),
)
TURNS = st.sampled_from(
    [f"{verb} {part}" for part in ("decoder", "trunk") for verb in ("shut", "open")]
    + [f"{verb} {part}" for part in ("disk", "trunk") for verb in ("break", "mend")]
    + ["hold disk", "flush disk", "await time", "await trunk"]
)
STEPS = st.lists(st.one_of(CALLS, CALLS, TURNS, st.integers(0, 200)), max_size=40)
"""Calls, turns of the parts, and numbers: the future with this number is cancelled."""


@dataclass(frozen=True)
class Asked:
    """An input of the trunk that was asked for."""

    call: Call
    content: bytes
    view: View | None
    future: Future[Extracted]


@dataclass
class Player:
    """Plays schedules on a bench and judges what became of each future."""

    bench: Bench
    asked: list[Asked] = field(default_factory=list)
    refused: int = 0
    closed: bool = False

    def play(self, step: Call | str | int) -> None:
        """Do one step."""
        if isinstance(step, Call):
            self._call(step)
        elif isinstance(step, int):
            if self.asked:
                self.asked[step % len(self.asked)].future.cancel()
        else:
            self._turn(step)

    def finish(self) -> None:
        """Mend and open everything and wait until nothing is under way."""
        for turn in ("mend trunk", "mend disk", "open decoder", "open trunk", "flush disk"):
            self._turn(turn)
        self.bench.await_nothing_under_way()

    def judge(self) -> None:
        """Every future has been answered, with its own vector or with an error that it may have."""
        for each in self.asked:
            assert each.future.done(), each
            if each.future.cancelled():
                continue
            if (error := each.future.exception()) is None:
                assert each.future.result().vector.tolist() == expected_vector(each.content, each.view)
            else:
                assert self._may_have(each, error), (each, error)
        for vector in self.bench.disk.vectors.values():
            assert not vector.flags.writeable

    def _call(self, call: Call) -> None:
        views = tuple(View(call.seed, number) for number in range(1, call.views + 1))
        deadline = None if call.within_s is None else self.bench.now + call.within_s
        terms = Terms(call.lane, deadline, call.durable, call.patient, views)
        try:
            pictures = self.bench.extraction.extract_many(call.contents, terms)
        except ResourceExhaustedError:
            assert not call.patient
            self.refused += 1
            return
        except UnavailableError:
            assert self.closed
            return
        for content, picture in zip(call.contents, pictures, strict=True):
            for view, future in zip((None, *views), picture.futures, strict=True):
                self.asked.append(Asked(call, content, view, future))

    def _turn(self, turn: str) -> None:
        verb, part = turn.split()
        if verb in {"break", "mend"}:
            fault = TrunkFailureError() if part == "trunk" else ResourceExhaustedError("full", reason="CACHE_FULL")
            target: Any = self.bench if part == "trunk" else self.bench.disk
            target.failure = fault if verb == "break" else None
        elif part == "disk":
            self._turn_disk(at_once=verb == "flush")
        elif part == "time":
            self.bench.now += 2.0
        elif verb == "await":
            self.bench.trunk.arrived.acquire(timeout=0.002)
        elif part == "extraction":
            self.closed = True
            self.bench.extraction.close()
        else:
            getattr(getattr(self.bench, part), verb)()

    def _turn_disk(self, *, at_once: bool) -> None:
        self.bench.disk.at_once = at_once
        if at_once:
            self.bench.disk.flush()

    def _may_have(self, asked: Asked, error: BaseException) -> bool:
        if asked.content not in GOOD and isinstance(error, InvalidArgumentError):
            return True
        match error:
            case DeadlineExceededError():
                return asked.call.within_s is not None
            case ResourceExhaustedError(reason="CACHE_FULL"):
                return asked.call.durable
            case UnavailableError(reason="SHUTTING_DOWN"):
                return self.closed
        return isinstance(error, TrunkFailureError)

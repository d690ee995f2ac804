"""The sides that are compared, all asked in the same way: a network in a loop, the extractor, a peer.

A side sleeps (see dialogue.awake) except while it is measured.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from bench.dialogue import awake, hold
from bench.load_grpc import MESSAGE
from bench.servers import computed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.dialogue import Worker
    from bench.servers import Server

CALLERS = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Attributes:
        value: pictures a second, or milliseconds of each picture's way, one after another.
        pictures: how many.
        generator_share: of the processors, what the load generator took; None where there was none.
    """

    value: float | list[float]
    pictures: int
    generator_share: float | None = None


@dataclass
class Work:
    """What a side does, for deciding whether two may be compared.

    Attributes:
        name: as in the table.
        fingerprint: of its trunk, hexadecimal; empty for what is not Graft's.
        precision: of its arithmetic.
        layer: where the network is cut.
        dimensions: of its vectors.
        weights: where the network's weights came from, before any quantising; empty for what is not Graft's.
        engine: what runs it.
        faults: what went wrong in any of its measurements; its ratios are refused.
    """

    name: str
    fingerprint: str
    precision: str
    layer: str
    dimensions: int
    weights: str = ""
    engine: str = ""
    faults: list[str] = field(default_factory=list)


class Side(Protocol):
    """What can be measured."""

    work: Work

    def many(self, seconds: float) -> Sample:
        """Pictures a second in batches of 16, or with 16 callers."""
        ...

    def one(self, seconds: float) -> Sample:
        """Milliseconds of pictures that come one after another."""
        ...


class Loop:
    """A network in a loop in a worker's process."""

    def __init__(self, worker: Worker, name: str, batch: int) -> None:
        self._worker = worker
        self._batch = batch
        told = worker.ask("identity")
        self.identity = told
        self.work = Work(
            name,
            told.get("fingerprint", ""),
            told["precision"],
            told["layer"],
            told["dimensions"],
            told.get("weights", ""),
            told["engine"],
        )
        hold(worker.pid)

    def many(self, seconds: float) -> Sample:
        """Pictures a second in batches."""
        return self.batches(self._batch, seconds)

    def batches(self, batch: int, seconds: float) -> Sample:
        """Pictures a second in batches of another size."""
        with awake(self._worker.pid):
            answer = self._worker.ask("batches", batch=batch, seconds=seconds)
        return Sample(answer["rate"], answer["pictures"])

    def one(self, seconds: float) -> Sample:
        """Milliseconds of decoding and network, picture after picture."""
        with awake(self._worker.pid):
            times = self._worker.ask("one", seconds=seconds)["times_ms"]
        return Sample(times, len(times))


class Service:
    """An extractor, asked by the load generator; it must have computed exactly what was sent."""

    def __init__(self, server: Server, trunk: Any, load: Worker) -> None:
        self.server = server
        self.load = load
        self.work = Work(
            f"service, {trunk.precision}",
            trunk.fingerprint.hex(),
            trunk.precision,
            trunk.layer,
            trunk.dimensions,
            trunk.weights,
            trunk.engine,
        )
        hold(server.pid)

    def many(self, seconds: float) -> Sample:
        """Pictures a second of 16 callers."""
        return self.callers(CALLERS, seconds)

    def one(self, seconds: float) -> Sample:
        """Milliseconds of one caller's calls."""
        answer = self.ask("unary", callers=1, seconds=seconds)
        return Sample(answer["times_ms"], answer["pictures"], answer["generator_share"])

    def callers(self, count: int, seconds: float, known: int = 0) -> Sample:
        """Pictures a second of so many callers, of new pictures or of a known set."""
        answer = self.ask("unary", callers=count, seconds=seconds, known=known)
        return Sample(answer["rate"], answer["pictures"], answer["generator_share"])

    def stream(self, seconds: float, known: int = 0) -> Sample:
        """Pictures a second of one stream, of new pictures or of a known set."""
        answer = self.ask("stream", seconds=seconds, known=known)
        return Sample(answer["rate"], answer["pictures"], answer["generator_share"])

    def fill(self, known: int) -> None:
        """Have the known set cached."""
        messages = max(-(-known // MESSAGE), 2)
        with awake(self.server.pid):
            self.load.ask("stream", address=self.server.address, seconds=0, known=known, at_least=messages)

    def ask(self, verb: str, known: int = 0, **arguments: Any) -> dict[str, Any]:
        """Ask the load generator, and check that the extractor did that work and no other."""
        with awake(self.server.pid), self.checked(known) as answer:
            asked = {"known": known} if known else {}
            answer.update(self.load.ask(verb, address=self.server.address, **asked, **arguments))
        return answer

    @contextmanager
    def checked(self, known: int) -> Iterator[dict[str, Any]]:
        """Compare what was answered, in the dictionary yielded, with what the trunk did meanwhile."""
        before = computed(self.server.address)
        answer: dict[str, Any] = {}
        yield answer
        did = computed(self.server.address) - before
        should = 0 if known else answer["pictures"]
        if did != should:
            self.work.faults.append(f"{answer['pictures']} pictures were answered, {did} computed")
        if answer["fingerprint"] != self.work.fingerprint or answer["dimensions"] != self.work.dimensions:
            self.work.faults.append(f"answers of trunk {answer['fingerprint']}")


class Peer:
    """Another server, asked by the same load generator."""

    def __init__(self, server: Server, load: Worker, path: str, field: str) -> None:
        self.server = server
        self._load = load
        self._form = {"address": server.address, "path": path, "field": field}
        dimensions = load.ask("http", callers=1, seconds=0, **self._form)["dimensions"]
        self.work = Work(server.name, "", "float32", "avg_pool", dimensions, engine="tensorflow")
        hold(server.pid)

    def many(self, seconds: float) -> Sample:
        """Pictures a second of 16 callers."""
        answer = self._ask(CALLERS, seconds)
        return Sample(answer["rate"], answer["pictures"], answer["generator_share"])

    def one(self, seconds: float) -> Sample:
        """Milliseconds of one caller's calls."""
        answer = self._ask(1, seconds)
        return Sample(answer["times_ms"], answer["pictures"], answer["generator_share"])

    def _ask(self, callers: int, seconds: float) -> dict[str, Any]:
        with awake(self.server.pid):
            return self._load.ask("http", callers=callers, seconds=seconds, **self._form)

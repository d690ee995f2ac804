"""The measurements of the extractor, one function each: sides in turns, callers, cached pictures, waiting times."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from bench.dialogue import WorkerError, awake
from bench.figures import PICTURES_A_SECOND, Figure
from bench.processes import usage
from bench.rates import percentile
from bench.sides import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.dialogue import Worker
    from bench.figures import Figures
    from bench.servers import Server
    from bench.sides import Loop, Sample, Service, Side

_WARM_UP_S = 1.0
_SETTLE_S = 3.0
_PAUSE_MS = 20.0


def rates_in_turns(figures: Figures, sides: dict[str, Side], rounds: int, seconds: float) -> None:
    """Pictures a second of all sides, one after another, round after round: the median round counts."""
    _in_turns(figures, sides, 1, PICTURES_A_SECOND, lambda side: side.many(_WARM_UP_S))
    for name, found in _in_turns(figures, sides, rounds, PICTURES_A_SECOND, lambda side: side.many(seconds)).items():
        figures.add(_figure(name, [_number(each) for each in found], PICTURES_A_SECOND, found))


def waits_in_turns(figures: Figures, sides: dict[str, Side], rounds: int, seconds: float) -> None:
    """The median time of one picture, nobody else being there, of all sides in turns: the median round counts."""
    for name, found in _in_turns(figures, sides, rounds, "ms", lambda side: side.one(seconds)).items():
        figures.add(_figure(name, [statistics.median(_list(each)) for each in found], "ms", found))


def other_batches(figures: Figures, loops: Iterable[tuple[str, Loop]], batches: Sequence[int], seconds: float) -> None:
    """The networks in loops of other batch sizes."""
    for name, loop in loops:
        for batch in batches:
            loop.batches(batch, 0)  # plans its kernels
            figures.add(_single(f"{name}, batch {batch}", loop.batches(batch, seconds)))


def other_callers(figures: Figures, service: Service, seconds: float) -> None:
    """New pictures with 4 and 64 callers; 64 of them need longer for a few answers each."""
    for callers, factor in ((4, 1), (64, 2)):
        sample = service.callers(callers, seconds * factor)
        figures.add(_single(f"{service.work.name}, {callers} callers", sample))


def streams(figures: Figures, service: Service, known: int, seconds: float) -> None:
    """The stream over new pictures and over cached ones."""
    name = f"{service.work.name}, stream, 64 a message"
    figures.add(_single(name, service.stream(seconds)))
    service.fill(known)
    figures.add(_single(f"{name}, cached", service.stream(seconds / 2, known)))


def cached(figures: Figures, service: Service, known: int, seconds: float) -> None:
    """Cached pictures one a call with more and more callers, and the look-up of vectors; the known set is cached."""
    for callers in (1, 4, 16, 64):
        sample = service.callers(callers, seconds, known)
        figures.add(_single(f"{service.work.name}, {callers} caller{'s' * (callers > 1)}, cached", sample))
    answer = service.ask("lookup", known=known, seconds=seconds)
    figures.add(Figure(f"{service.work.name}, LookupFeatures", answer["rate"], "vectors/s"))


def waits_beside_bulk(figures: Figures, service: Service, bulk: Worker, seconds: float) -> dict[str, float]:
    """How long single pictures wait, with pauses between them, in an idle extractor and beside a bulk stream.

    Returns the three values of the bound: `idle_p99_ms`, `beside_p99_ms`, `batch_ms`. Empty if the extractor told no
    times of its batches.
    """
    idle = service.ask("paused", seconds=seconds / 2, pause_ms=_PAUSE_MS)["times_ms"]
    address = service.server.address
    with awake(service.server.pid), service.checked(known=0) as both:
        bulk.begin("stream", address=address, seconds=seconds + _SETTLE_S, timings=True)
        time.sleep(_SETTLE_S)
        beside = service.load.ask("paused", address=address, seconds=seconds, pause_ms=_PAUSE_MS)
        stream = bulk.result()
        both.update(beside)
        both["pictures"] = beside["pictures"] + stream["pictures"]
    name = f"{service.work.name}, one caller with pauses"
    for where, times in (("idle", idle), ("bulk lane full", beside["times_ms"])):
        for percent in (50, 99):
            note = f"{len(times)} calls"
            figures.add(Figure(f"{name}, {where}, p{percent}", percentile(times, percent), "ms", note=note))
    figures.add(Figure(f"{service.work.name}, bulk beside it", stream["rate"], PICTURES_A_SECOND))
    if not any(stream["trunk_ms"]):
        return {}
    batch_ms = statistics.median(stream["trunk_ms"])
    figures.add(Figure(f"{service.work.name}, one bulk batch in the trunk", batch_ms, "ms"))
    return {
        "idle_p99_ms": percentile(idle, 99),
        "beside_p99_ms": percentile(beside["times_ms"], 99),
        "batch_ms": batch_ms,
    }


def footprint(figures: Figures, servers: Iterable[tuple[str, Server]]) -> None:
    """What each service took to start, and the memory of all its processes then and now."""
    for name, server in servers:
        figures.add(Figure(f"{name}, start to ready", server.start_s, "s"))
        figures.add(Figure(f"{name}, memory when ready", server.memory_bytes / 2**20, "MiB"))
        figures.add(Figure(f"{name}, memory after all of this", usage(server.pid).memory_bytes / 2**20, "MiB"))


def _in_turns(
    figures: Figures, sides: dict[str, Side], rounds: int, unit: str, measure: Callable[[Side], Sample]
) -> dict[str, list[Sample]]:
    """The samples of every side; a peer that fails is noted and not asked again, the others go on."""
    samples: dict[str, list[Sample]] = {name: [] for name, side in sides.items() if not _gave_up(side)}
    for _ in range(rounds):
        for name in list(samples):
            side = sides[name]
            try:
                samples[name].append(measure(side))
            except WorkerError as error:
                if not isinstance(side, Peer):
                    raise
                side.work.faults.append(str(error))
                del samples[name]
                figures.add(Figure(name, None, unit, note=str(error)))
    return samples


def _gave_up(side: Side) -> bool:
    return isinstance(side, Peer) and bool(side.work.faults)


def _number(sample: Sample) -> float:
    assert isinstance(sample.value, float)  # noqa: S101 - `many` gives numbers, `one` gives lists
    return sample.value


def _list(sample: Sample) -> list[float]:
    assert isinstance(sample.value, list)  # noqa: S101 - as above
    return sample.value


def _single(what: str, sample: Sample) -> Figure:
    return _figure(what, [_number(sample)], PICTURES_A_SECOND, [sample])


def _figure(what: str, values: list[float], unit: str, samples: list[Sample]) -> Figure:
    shares: list[Any] = [each.generator_share for each in samples if each.generator_share is not None]
    return Figure(what, statistics.median(values), unit, tuple(values), max(shares, default=None))

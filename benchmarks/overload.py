"""The extractor offered three times what it can do, for a minute; table on the screen, JSON in var/bench/overload.json.

Calls come at their appointed times, whether the earlier ones are answered or not, each with a small picture that nobody
has seen. The peak is measured first, with the same pictures and callers that wait. Counted are: good answers a second
against the peak; how long every refusal took and whether it said when to come back; what health said all the while; the
memory of the extractor. The load and the health checks come from two processes of their own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.dialogue import Worker
from bench.figures import ratio_line
from bench.homes import keep_weights, new_home
from bench.machine import machine
from bench.pictures import photograph, write_jpegs
from bench.processes import end_tidily, usage
from bench.rates import percentile
from bench.servers import extractor, trunk_of
from bench.targets import at_least, quotient, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.targets import Ratio

HERE = Path("var/bench")
FACTOR = 3
_SIDE_PX = 64
_CALLERS, _PEAK_S = 64, 10.0
_GOOD_OF_PEAK, _REFUSAL_MS = 0.9, 50.0
_MEMORY = 1.25  # at its largest, of what it was before: the queue holds 512 small pictures, and no more
_SAMPLE_S = 0.5
_HEALTH_S = 0.2
"""Between two health checks, which go on while the peak is measured as they do under the overload."""


@contextmanager
def memory_of(pid: int) -> Iterator[list[float]]:
    """Sample a process's memory, in MiB, while the context is open."""
    samples = [usage(pid).memory_bytes / 2**20]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_S):
            samples.append(usage(pid).memory_bytes / 2**20)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield samples
    finally:
        done.set()
        sampler.join()
        samples.append(usage(pid).memory_bytes / 2**20)


def measure(address: str, pid: int, load: Worker, watcher: Worker, seconds: float) -> dict[str, Any]:
    """The peak, then the overload."""

    def peak() -> float:
        watcher.begin("healthy", address=address, seconds=_PEAK_S, every_s=_HEALTH_S)
        rate: float = load.ask("unary", address=address, callers=_CALLERS, seconds=_PEAK_S)["rate"]
        watcher.result()
        return rate

    load.ask("unary", address=address, callers=_CALLERS, seconds=2)
    peaks = [peak()]
    idle_mib = usage(pid).memory_bytes / 2**20
    with memory_of(pid) as memory:
        watcher.begin("healthy", address=address, seconds=seconds, every_s=_HEALTH_S)
        offered = load.ask("open_loop", address=address, rate=FACTOR * peaks[0], seconds=seconds)
        health = watcher.result()
    peaks.append(peak())
    mean = sum(peaks) / len(peaks)  # of before and after, so that a drift of the machine meets both
    return {"peak": mean, "offered": offered, "health": health, "memory": [idle_mib, *memory], "seconds": seconds}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """The figures that count; every list of times is reduced to its percentiles."""
    offered, health, memory = found["offered"], found["health"], found["memory"]
    in_time = sum(end <= found["seconds"] for end in offered["good_ends_s"])
    return {
        "peak_per_s": found["peak"],
        "offered_per_s": offered["offered"] / found["seconds"],
        "goodput_per_s": in_time / found["seconds"],
        "codes": offered["codes"],
        "refused_without_retry_info": offered["refused_without_retry_info"],
        "refused_ms": _percentiles(offered["refused_ms"]),
        "good_ms": _percentiles(offered["good_ms"]),
        "sent_late_ms": _percentiles(offered["late_ms"]),
        "generator_share": offered["generator_share"],
        "health_said": health["said"],
        "health_ms": _percentiles(health["times_ms"]),
        "memory_mib": {"start": memory[0], "largest": max(memory), "end": memory[-1]},
        "fingerprint": offered["fingerprint"],
    }


def judged(found: dict[str, Any]) -> list[Ratio]:
    """What is promised."""
    memory = found["memory_mib"]
    unlike = set(found["codes"]) - {"OK", "RESOURCE_EXHAUSTED"}
    other = f"calls ended with {sorted(unlike)}" if unlike else ""
    said = found["health_said"]
    serving = said.get("SERVING", 0) / sum(said.values()) if said else None
    return [
        quotient("good answers / peak", found["goodput_per_s"], found["peak_per_s"], _GOOD_OF_PEAK, other),
        within("longest refusal", found["refused_ms"].get("p100"), _REFUSAL_MS, "ms"),
        within("memory at its largest / before", memory["largest"] / memory["start"], _MEMORY, "x"),
        within("refusals without RetryInfo", float(found["refused_without_retry_info"]), 0.0, ""),
        at_least("health checks that said SERVING", serving, 1.0, ""),
    ]


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{each}": round(percentile(values, each), 2) for each in (50, 99, 100)} if values else {}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--weights", default="auto", help="as the extractor's --weights")
    given = parser.parse_args()
    end_tidily()
    ran_on = machine()
    HERE.mkdir(parents=True, exist_ok=True)
    generator = str(Path(__file__).with_name("load.py"))
    with tempfile.TemporaryDirectory(dir=HERE) as name, ExitStack() as stack:
        folder = Path(name).absolute() / "pictures"
        write_jpegs([photograph(seed, _SIDE_PX, _SIDE_PX) for seed in range(64)], folder)
        home = new_home(folder.parent, "home", HERE / "weights")
        load, watcher = (
            stack.enter_context(Worker(sys.executable, generator, str(folder), first)) for first in ("1000000", "0")
        )
        server = stack.enter_context(extractor(home, "--weights", given.weights, "--log-level", "warning"))
        keep_weights(home, HERE / "weights")
        trunk = trunk_of(server.address)
        told: dict[str, Any] = {name: getattr(trunk, name) for name in ("weights", "layer", "precision", "engine")}
        told["offered_of_peak"] = FACTOR
        told |= {"seconds": given.seconds, "side_px": _SIDE_PX, "callers_of_peak": _CALLERS}
        started = time.perf_counter()
        found = summary(measure(server.address, server.pid, load, watcher, given.seconds))
        print(f"{trunk.weights} at {trunk.layer}, {trunk.precision}; {time.perf_counter() - started:.0f} s")
    for key, value in found.items():
        print(f"  {key:<28} {value}")
    ratios = judged(found)
    for each in ratios:
        print(ratio_line(each))
    report = {"machine": ran_on, "setting": told, **found, "ratios": [each.to_json() for each in ratios]}
    (HERE / "overload.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {HERE / 'overload.json'}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""An extractor under 100,000 requests of all kinds; table on the screen, JSON in var/bench/soak.json.

Cached pictures and new ones, bad ones, callers that go away or have no time, look-ups, previews, streams whole and
broken off. The network is cut early and its weights are random, so that the service is what is used up, not the
processor. The cache has a small limit: after a while every new vector drives out an old one. Over the last half memory,
open files and threads must stay level. Some twenty minutes on two cores; --requests makes it shorter.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.homes import new_home
from bench.levels import Sample, halves, level
from bench.machine import machine
from bench.pictures import photograph
from bench.processes import end_tidily, usage
from bench.servers import extractor
from bench.soak_requests import Requests
from bench.supply import Supply

from graft.channels import open_channel

if TYPE_CHECKING:
    from bench.servers import Server

HERE = Path("var/bench")
_CALLERS = 16
_SAMPLES = 200
_CACHE_BYTES = 24 * 2**20
_FLAGS = ("--weights", "random:0", "--layer", "mixed0", "--cache-limit-bytes", str(_CACHE_BYTES))


async def soak(server: Server, requests: int, seed: int) -> tuple[list[Sample], Counter[str], Counter[str]]:
    """Send them; return the samples, what came of each kind, and what should not have."""
    supply = Supply([photograph(seed) for seed in range(32)], 1_000_000)
    samples: list[Sample] = []
    came: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    every = max(requests // _SAMPLES, 1)
    numbers = iter(range(requests))
    async with open_channel(server.address, retries=False) as channel:
        mix = Requests(channel, supply, seed)

        async def caller() -> None:
            for number in numbers:
                kind, outcome, may_be = await mix.one()
                came[f"{kind}: {outcome}"] += 1
                if not may_be:
                    wrong[f"{kind}: {outcome}"] += 1
                if number % every == 0:
                    used = await asyncio.to_thread(usage, server.pid)
                    samples.append(
                        Sample(number, used.memory_bytes / 2**20, used.own_bytes / 2**20, used.files, used.threads)
                    )

        await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return sorted(samples, key=lambda each: each.requests), came, wrong


def main() -> None:
    """Soak, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000, help="how many (default: 100,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the mix")
    given = parser.parse_args()
    end_tidily()
    ran_on = machine()
    HERE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE) as name, ExitStack() as stack:
        home = new_home(Path(name), "home", HERE / "no-weights-are-needed")
        server = stack.enter_context(extractor(home, *_FLAGS, "--log-level", "error"))
        started = time.perf_counter()
        samples, came, wrong = asyncio.run(soak(server, given.requests, given.seed))
        seconds = time.perf_counter() - started
        log = (home / "extractor.log").read_text(errors="replace").splitlines()
    print(f"{given.requests:,} requests in {seconds:.0f} s")
    for key, count in sorted(came.items()):
        print(f"  {key:<34}{count:>8,}{'  should not be' if key in wrong else ''}")
    verdicts = level(samples)
    for name, each in halves(samples).items():
        print(f"  {name:<22} first half {each[0]:>9,.1f}   last half {each[1]:>9,.1f}   {verdicts[name]}")
    report: dict[str, Any] = {
        "machine": ran_on,
        "setting": {"extractor": _FLAGS, "callers": _CALLERS, "seed": given.seed},
        "requests": given.requests,
        "seconds": seconds,
        "came": came,
        "wrong": wrong,
        "halves": halves(samples),
        "level": verdicts,
        "samples": [each.to_json() for each in samples],
        "errors_logged": [line for line in log if "[error" in line][-20:],
    }
    (HERE / "soak.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {HERE / 'soak.json'}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""Look-ups in caches of ten thousand to a million vectors of 768 values, and the space of a vector; JSON in var/bench/.

The cost of a vector must not grow with the cache. After every entry was asked for once, each round asks for 10,000
others, all cached, and what counts is the median round: through the cache's class in this process, and over gRPC from
this process to the extractor's service in a process of its own, without a trunk. Beside the time between question and
answer stands the processor time where the cache is, which other programs on the machine disturb less.

The synthetic cache is made under var/bench and deleted at the end, however the run ends.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench.cache_loads import DIMENSIONS, Cost, fill, over_grpc, through_the_class
from bench.cache_space import Space, space
from bench.machine import machine
from bench.processes import end_tidily

HERE = Path("var/bench")
SIZES = (10_000, 100_000, 1_000_000)
GROWTH = 1.2
_PAGE = 4096
_BYTES_PER_ENTRY = _PAGE + 120  # a page for the vector, and its share of the tree
_SPARE_BYTES = 1 << 30


def check_disk(entries: int) -> None:
    """Tell what is needed, and refuse to begin without it."""
    needed, free = entries * _BYTES_PER_ENTRY + _SPARE_BYTES, shutil.disk_usage(HERE).free
    print(f"needs {needed / 1e9:.1f} GB under {HERE.absolute()}, where {free / 1e9:.1f} GB are free", flush=True)
    if free < needed:
        raise SystemExit("free space, or ask for fewer --entries")


def measured(sizes: list[int]) -> dict[int, dict[str, Cost]]:
    """Fill one cache to each size in turn and measure there."""
    costs: dict[int, dict[str, Cost]] = {}
    with tempfile.TemporaryDirectory(dir=HERE) as name:
        filled = 0
        for size in sizes:
            started = time.perf_counter()
            fill(Path(name), filled, size)
            rate = (size - filled) / (time.perf_counter() - started)
            print(f"\n{size:,} vectors, written at {rate:,.0f} a second", flush=True)
            filled = size
            costs[size] = through_the_class(Path(name), size) | over_grpc(Path(name), size)
            for what, cost in costs[size].items():
                first = costs[sizes[0]][what]
                print(
                    f"  {what:<32}{1e6 / cost.wall_us:>10,.0f} vectors/s{cost.wall_us:>9.2f} us"
                    f"{cost.wall_us / first.wall_us:>7.2f} x{cost.cpu_us:>9.2f} us of CPU"
                    f"{cost.cpu_us / first.cpu_us:>7.2f} x",
                    flush=True,
                )
    return costs


def print_space(spaces: list[Space]) -> None:
    """The table of what a vector takes."""
    print("\nspace of a vector on disk, with its share of the tree")
    for each in spaces:
        print(
            f"  float32[{each.dimensions}]: {each.raw_bytes:,.0f} bytes raw, {each.stored_bytes:,.0f} as stored; "
            f"{each.pack_us:.1f} us of CPU to pack, {each.unpack_us:.1f} to check and unpack"
        )


def main() -> None:
    """Measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, nargs="+", default=list(SIZES), help="sizes, each of 10,000 or more")
    sizes = sorted(parser.parse_args().entries)
    end_tidily()
    ran_on = machine()
    HERE.mkdir(parents=True, exist_ok=True)
    check_disk(sizes[-1])
    print(f"{ran_on['processor']}, {ran_on['cores']} cores, load {ran_on['load_before']}")
    spaces = [space(DIMENSIONS), space(2048)]
    print_space(spaces)
    costs = measured(sizes)
    grown = {
        what: max(costs[size][what].wall_us / first.wall_us for size in sizes)
        for what, first in costs[sizes[0]].items()
    }
    print(f"\ngrowth of a vector's cost, largest, where at most {GROWTH} is wanted")
    for what, ratio in grown.items():
        print(f"  {what:<32}{ratio:>7.2f} x   {'met' if ratio <= GROWTH else 'MISSED'}")
    report = {
        "machine": ran_on,
        "space": [asdict(each) for each in spaces],
        "costs": {size: {what: asdict(cost) for what, cost in found.items()} for size, found in costs.items()},
        "growth": grown,
    }
    (HERE / "cache.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {HERE / 'cache.json'}")


if __name__ == "__main__":
    main()

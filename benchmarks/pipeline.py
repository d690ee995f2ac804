"""The whole pipeline, measured in one run on the same pictures; table on the screen, JSON in var/bench/pipeline.json.

Ratios are between figures of this run alone: the trunk called in a loop with the same decoding, then the services
with that same trunk. A ratio whose two sides did different work (another fingerprint, pictures not computed, or not
from the cache) is refused. The load generator runs in this process, on the same processors.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.dialogue import Worker
from bench.figures import ratio_line
from bench.homes import keep_weights, new_home
from bench.machine import machine
from bench.measurements import CALLERS, Figure, Rate, callers, look_up, recognition, stream, training
from bench.pictures import photographs, write_jpegs
from bench.processes import end_tidily
from bench.targets import Ratio, quotient

from graft.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path("var/bench")
WEIGHTS = HERE / "weights"
GRAFT = str(Path(sys.executable).with_name("graft"))
COUNT = 192


def trunk_alone(home: Path, folder: Path) -> dict[str, Any]:
    """Measure the trunk without a service, in a process of its own; it also fetches the weights the first time."""
    with Worker(sys.executable, str(Path(__file__).with_name("bare_trunk.py")), str(home), str(folder)) as worker:
        many = worker.ask("batches", batch=CALLERS, seconds=5)
        one = worker.ask("one", seconds=2)
        return {**worker.ask("identity"), "rate": many["rate"], "one_p50_ms": statistics.median(one["times_ms"])}


@contextmanager
def services(home: Path) -> Iterator[Client]:
    """Run the four services and yield a client of their gateway."""
    up = subprocess.Popen([GRAFT, "--home", str(home), "up", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        if not any("Graft is ready" in line for line in up.stdout or ()):
            raise SystemExit(f"the services did not start; see {home / 'logs'}")
        address = json.loads((home / "up.json").read_text())["stages"]["gateway"]["address"]
        with Client(address) as client:
            yield client
    finally:
        up.terminate()
        up.communicate()


def ratios(alone: dict[str, Any], fingerprint: str, many: Rate, new: Rate, cached: Rate) -> list[Ratio]:
    """What is compared, and why not where it may not be."""
    unlike = "" if alone["fingerprint"] == fingerprint else f"the trunk alone is {alone['fingerprint']}"
    of_streams = "" if cached.computed == 0 else f"{cached.computed} pictures of the cached stream were computed"
    return [
        quotient(
            f"service with {CALLERS} callers / trunk alone", many.value, alone["rate"], None, unlike or uncomputed(many)
        ),
        quotient("cached stream / stream", cached.value, new.value, None, of_streams or uncomputed(new)),
    ]


def uncomputed(rate: Rate) -> str:
    """Why a rate is not that of computing each of its pictures; empty if it is."""
    return "" if rate.computed == rate.pictures else f"{rate.computed} of {rate.pictures} pictures were computed"


def main() -> None:
    """Measure everything, print the table, write the JSON."""
    end_tidily()
    ran_on = machine()
    contents, others = photographs(COUNT), photographs(COUNT, first=1_000_000)
    HERE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE) as name:
        folder = Path(name).absolute() / "pictures"
        write_jpegs(contents, folder)
        home = new_home(folder.parent, "home", WEIGHTS)  # its cache is empty; only weights are kept from run to run
        alone = trunk_alone(home, folder)
        keep_weights(home, WEIGHTS)
        with services(home) as client:
            trunk = client.trunk()
            many = callers(client, contents)
            new = stream(client, "service, stream, 64 a message", others)
            cached = stream(client, "service, stream, 64 a message, cached", others * 8)
            figures = [many.figure, new.figure, cached.figure, look_up(client, others), training(client, others)]
            figures += recognition(client, others, photographs(30, first=2_000_000))
    rows: list[Figure] = [
        ("trunk alone, decoding in the loop", alone["rate"], "pictures/s"),
        ("trunk alone, decode + trunk of one, p50", alone["one_p50_ms"], "ms"),
        *figures,
    ]
    compared = ratios(alone, trunk.fingerprint_hex, many, new, cached)
    print(f"Inception-V3, {trunk.weights_reason}; cut at {trunk.layer}, {trunk.precision}")
    print(f"{COUNT} pictures; {ran_on['processor']}, {ran_on['cores']} cores, load {ran_on['load_before']}")
    for what, value, unit in rows:
        print(f"  {what:<46}{value:>12,.2f} {unit}")
    for each in compared:
        print(ratio_line(each))
    report = {
        "machine": ran_on,
        "trunk": alone,
        "pictures": COUNT,
        "figures": {what: [value, unit] for what, value, unit in rows},
        "ratios": [each.to_json() for each in compared],
    }
    (HERE / "pipeline.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {HERE / 'pipeline.json'}")


if __name__ == "__main__":
    main()

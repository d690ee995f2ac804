"""The whole pipeline, measured in one run on the same pictures; table on the screen, JSON in var/bench/pipeline.json.

Ratios are between figures of this run alone: the trunk called in a loop with the same decoding, then the services
with that same trunk. A ratio whose two sides did different work (another fingerprint, another number of pictures) is
refused. The load generator runs in this process, on the same processors.
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
from bench.homes import keep_weights, new_home
from bench.machine import machine
from bench.measurements import CALLERS, Figure, computed_by_callers, recognition, training, vectors
from bench.pictures import photographs, write_jpegs

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


def main() -> None:
    """Measure everything, print the table, write the JSON."""
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
            callers, computed = computed_by_callers(client, contents)
            figures = [callers, *vectors(client, contents, others), training(client, contents)]
            figures += recognition(client, contents, photographs(30, first=2_000_000))
    rate = alone["rate"]
    rows: list[Figure] = [
        ("trunk alone, decoding in the loop", rate, "pictures/s"),
        ("trunk alone, decode + trunk of one, p50", alone["one_p50_ms"], "ms"),
        *figures,
    ]
    if alone["fingerprint"] == trunk.fingerprint_hex and computed == COUNT:
        rows.append(("ratio: service with 16 callers to trunk alone", callers[1] / rate, "x"))
        rows.append(("ratio: cached stream to stream", figures[2][1] / figures[1][1], "x"))
    else:
        print(f"no ratios: the two sides did different work ({alone}; {computed} computed)", file=sys.stderr)
    print(f"Inception-V3, {trunk.weights_reason}; cut at {trunk.layer}, {trunk.precision}")
    print(f"{COUNT} pictures; {ran_on['processor']}, {ran_on['cores']} cores, load {ran_on['load_before']}")
    for what, value, unit in rows:
        print(f"  {what:<46}{value:>12,.2f} {unit}")
    report = {"machine": ran_on, "trunk": alone, "figures": {what: [value, unit] for what, value, unit in rows}}
    (HERE / "pipeline.json").write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {HERE / 'pipeline.json'}")


if __name__ == "__main__":
    main()

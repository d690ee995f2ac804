"""The whole of Graft in one go: photographs, services, import, training, recognition; `make demo` and `make serve`.

Everything lies under var/demo, and a second run reuses it. What was measured is printed and written to
var/demo/summary.json. Exit code 0 only if every step succeeded and every service ended cleanly.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from measuring import latency_ms, unseen_pictures

from graft.client import Client, Part, PictureResult

HERE = Path("var/demo")
HOME, FACES, REPORT = HERE / "home", HERE / "faces", HERE / "report.html"
NAME = "faces"
GRAFT = str(Path(sys.executable).with_name("graft"))
STAGES = ("feature_extractor", "trainer", "classifier", "gateway")


def say(text: str) -> None:
    """Print a headline."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def graft(*arguments: str, ask_json: bool = True) -> Any:
    """Run a command as a person would, show it, and return what it says with --json."""
    print(f"$ graft {' '.join(arguments)}", flush=True)
    command = [GRAFT, "--home", str(HOME), *arguments, *(["--json"] if ask_json else [])]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE if ask_json else None)
    if done.returncode:
        raise SystemExit(f"graft {arguments[0]} failed with exit code {done.returncode}")
    return json.loads(done.stdout) if ask_json else None


def start() -> subprocess.Popen[str]:
    """Start the services and return `graft up` once they serve; its lines go to the screen until then."""
    print("$ graft up", flush=True)
    command = [GRAFT, "--home", str(HOME), "up", "--port", "0"]
    # A session of its own, so that Ctrl-C reaches this program alone, which then stops the services in order.
    up = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert up.stdout  # noqa: S101 - stdout=PIPE above
    try:
        for line in up.stdout:
            print(line, end="", flush=True)
            if "Graft is ready" in line:
                return up
    except KeyboardInterrupt:
        up.terminate()
        up.wait()
        raise
    raise SystemExit(f"the services did not start; their logs are in {HOME / 'logs'}")


def stop(up: subprocess.Popen[str]) -> dict[str, int]:
    """Stop the services with SIGTERM and return their exit codes."""
    up.terminate()
    up.communicate()
    codes: dict[str, int] = json.loads((HOME / "up-exit.json").read_text())["exit_codes"]
    return codes


def train(client: Client) -> tuple[Any, float]:
    """Return the version in production and the seconds its job took; train it unless an earlier run did."""
    if not any(each.name == NAME for each in client.classifiers()):
        graft("train", NAME)
    version = client.version(NAME, client.classifier(NAME).aliases["production"])
    job = client.job(version.job_id)
    return version, (job.end_time - job.create_time).total_seconds()  # type: ignore[operator] # it has ended


def recognise(client: Client) -> list[Path]:
    """Recognise photographs of the test part, which training never saw, and return all of them."""
    test = {example.digest for example in client.examples(NAME, part=Part.TEST)}
    paths = [path for path in sorted(FACES.glob("*/*.pgm")) if sha256(path.read_bytes()).digest() in test]
    some = paths[:: max(1, len(paths) // 5)][:5]
    for result in client.classify(NAME, some, top_k=1):
        print(f"  {describe(result)}")
    return paths


def describe(result: PictureResult) -> str:
    """Return what was recognised in a line."""
    if result.classification is None:
        raise SystemExit(f"{result.source}: {result.error}")
    best = result.classification.labels[0]
    truth = Path(result.source).parent.name
    right = "right" if best.label == truth else f"wrong, it is {truth}"
    return f"{result.source}: {best.label} ({best.probability:.1%}) {right}"


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep-running", action="store_true", help="leave the services running until Ctrl-C")
    keep_running = parser.parse_args().keep_running
    HERE.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the services are stopped, not left behind

    say("1. Photographs: 400 portraits of 40 people")
    if not FACES.exists():
        graft("sample", "faces", str(FACES), ask_json=False)
    say("2. Services (the first start fetches the network's weights)")
    up = start()
    try:
        summary = run()
    except BaseException:
        stop(up)
        raise
    if keep_running:
        print(f"\nThe services run; for example: {GRAFT} --home {HOME} status\nCtrl-C stops them.", flush=True)
        with suppress(KeyboardInterrupt):
            up.wait()
    summary["exit_codes"] = stop(up)
    (HERE / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    say("Summary")
    for key, value in summary.items():
        print(f"  {key:<24} {value}")
    print(f"\nThe report: {REPORT.absolute().as_uri()}")
    print(f"The summary: {HERE / 'summary.json'}; the services' logs: {HOME / 'logs'}")
    failed = [stage for stage in STAGES if summary["exit_codes"].get(stage) != 0]
    print(f"these did not end cleanly: {', '.join(failed)}" if failed else "Everything ended cleanly.")
    return bool(failed)


def processor() -> str:
    """Return the processor's model where the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run() -> dict[str, Any]:
    """Import, train, recognise, measure; return the summary but for the exit codes."""
    address = json.loads((HOME / "up.json").read_text())["stages"]["gateway"]["address"]
    with Client(address) as client:
        trunk = client.trunk()
        print(f"The network: Inception-V3, {trunk.weights_reason}; cut at {trunk.layer}, {trunk.precision}")
        say("3. Import: every photograph goes through the network once")
        first = graft("import", NAME, str(FACES))
        if first["refused"]:
            raise SystemExit(f"{len(first['refused'])} photographs were refused")
        rate = first["total"] / first["seconds"]
        print(
            f"{first['total']} photographs, {first['computed']} computed, {first['seconds']:.1f} s, {rate:.1f} a second"
        )
        second = graft("import", NAME, str(FACES))
        print(f"again: {second['computed']} computed, {second['seconds']:.2f} s")
        say("4. Training")
        version, train_seconds = train(client)
        metrics = version.metrics
        print(f"accuracy {metrics.accuracy:.1%} on {metrics.test_examples} test photographs", end="")
        print(f" (95 % interval {metrics.accuracy_low:.1%} to {metrics.accuracy_high:.1%})")
        graft("report", NAME, "--to", str(REPORT), ask_json=False)
        say("5. Recognition")
        paths = recognise(client)
        return {
            "system": platform.platform(),
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "weights": trunk.weights,
            "weights_reason": trunk.weights_reason,
            "layer": trunk.layer,
            "precision": trunk.precision,
            "images": first["total"],
            "classes": len(version.labels),
            "test_images": metrics.test_examples,
            "test_accuracy": round(metrics.accuracy, 4),
            "import_seconds": round(first["seconds"], 3),
            "import_computed": first["computed"],
            "images_per_second": round(rate, 2),
            "train_seconds": round(train_seconds, 3),
            "classify_p50_ms": latency_ms(client, NAME, unseen_pictures(paths, 25)),
            "classify_cached_p50_ms": latency_ms(client, NAME, [path.read_bytes() for path in paths]),
            "second_import_computed": second["computed"],
        }


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)

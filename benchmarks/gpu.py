"""Trunk and batcher on a GPU, or on whatever there is, beside the rate of the device alone.

python benchmarks/gpu.py [--engine jax] [--device gpu:1] [--precision bfloat16] ...

Needs TensorFlow or JAX (with Keras), NumPy, Pillow, grpcio and lmdb; the tree need not be installed. The weights are
random, which changes no rate. Pictures are ready in memory: decoding is not measured here. Prints a table, writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import threading
import time
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tree itself need not be installed

import numpy as np

from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.trunks.engines.choice import keras_backend
from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.weights.record import TrunkRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from feature_extractor.trunks.trunk import Trunk

BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
OUT = Path(__file__).resolve().parents[1] / "var" / "bench" / "gpu.json"
_PACKAGES = ("tensorflow", "jax", "jaxlib", "keras", "numpy", "pillow", "grpcio", "lmdb")
_LONGEST_BATCH_S = 60.0  # the batcher shall fill every batch, however slow the device


def through_the_batcher(trunk: Trunk, pictures: Any, batch: int, seconds: float) -> tuple[float, float]:
    """Pictures a second from a queue that is never empty, and the mean batch that was run."""
    sizes = [size for size in trunk.buckets if size <= batch]
    places = threading.Semaphore(batch * (trunk.concurrency + 1))  # one batch waits while the others run
    with closing(Batcher(trunk, sizes=sizes, concurrency=trunk.concurrency, max_batch_s=_LONGEST_BATCH_S)) as batcher:
        done = _Tally()
        started = time.perf_counter()
        number = 0
        while time.perf_counter() - started < seconds or done.pictures < batch:
            places.acquire()
            future = batcher.submit(pictures[number % len(pictures)], lambda: True)
            future.add_done_callback(lambda future: (done.count(future), places.release()))
            number += 1
        pictures_done, elapsed = done.pictures, time.perf_counter() - started
        stats = batcher.stats()
        done.raise_failure()  # before the batcher is closed, which fails what still waits
    return pictures_done / elapsed, stats.pictures / stats.batches


class _Tally:
    """Counts pictures that came back, from the batcher's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self.pictures = 0

    def count(self, future: Any) -> None:
        with self._lock:
            self.pictures += 1
            self._failure = self._failure or future.exception()

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def on_the_device(trunk: Trunk, pictures: Any, batch: int, seconds: float) -> float:
    """Pictures a second where the pixels are on the device already and the vectors stay there."""
    program: Any = trunk.run
    resident: Callable[[], None] = program.resident(pictures[:batch])
    resident()  # compiled, planned
    batches = [0] * trunk.concurrency
    started = time.perf_counter()

    def loop(place: int) -> None:
        while time.perf_counter() - started < seconds or not batches[place]:
            resident()
            batches[place] += 1

    threads = [threading.Thread(target=loop, args=(place,)) for place in range(trunk.concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return batch * sum(batches) / (time.perf_counter() - started)


def measure(arguments: argparse.Namespace, home: Path) -> dict[str, Any]:
    """Load, warm up, and measure each batch size."""
    largest = max(arguments.batches)
    buckets = [size for size in BUCKETS if size < largest] + [largest]
    engine = keras_backend() if arguments.engine == "auto" else arguments.engine
    request = TrunkRequest(f"random:{arguments.seed}", arguments.layer, arguments.precision, engine)
    started = time.perf_counter()
    loaded = load_trunk(home, request, device=arguments.device, buckets=buckets)
    trunk = loaded.trunk
    trunk.warm_up()
    ready_s = time.perf_counter() - started
    print(f"{trunk.device}, {trunk.identity.engine}, {trunk.identity.precision}; ready after {ready_s:.1f} s")
    print(f"{'batch':>6} {'service':>12} {'device only':>12} {'share':>7} {'mean batch':>11}   (pictures/s)")
    pictures = np.random.default_rng(0).integers(0, 256, (largest, 299, 299, 3), dtype=np.uint8)
    rows = []
    for batch in arguments.batches:
        rate, mean = through_the_batcher(trunk, pictures, batch, arguments.seconds)
        device = on_the_device(trunk, pictures, batch, arguments.seconds)
        print(f"{batch:>6} {rate:>12.1f} {device:>12.1f} {rate / device:>7.2f} {mean:>11.1f}", flush=True)
        rows.append({"batch": batch, "pictures_s": rate, "device_only_pictures_s": device, "mean_batch": mean})
    return {
        "device": trunk.device,
        "engine": trunk.identity.engine,
        "precision": trunk.identity.precision,
        "layer": trunk.identity.layer,
        "concurrency": trunk.concurrency,
        "buckets": list(trunk.buckets),
        "ready_s": ready_s,
        "seconds_each": arguments.seconds,
        "rates": rows,
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": _versions(),
    }


def _versions() -> dict[str, str]:
    """Of the packages that are there."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--engine", choices=["auto", "tensorflow", "jax"], default="auto", help="auto: what is installed"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, gpu or gpu:N")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--layer", default="avg_pool", help="layer to cut the network at")
    parser.add_argument("--batches", type=lambda text: [int(size) for size in text.split(",")], default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=5.0, help="for each figure")
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    parser.add_argument("--out", type=Path, default=OUT, help="the JSON file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as home:
        result = measure(arguments, Path(home))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {arguments.out}")


if __name__ == "__main__":
    main()

"""The trunk alone, in a process of its own: decoding in the service's number of threads, batches in a loop.

python benchmarks/bare_trunk.py HOME FOLDER      prints one line of JSON
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from feature_extractor.images import DecodeLimits, decode
from feature_extractor.loading import load_trunk
from feature_extractor.weights.record import TrunkRequest

BATCH = 16


def main() -> None:
    """Measure and print."""
    home, folder = map(Path, sys.argv[1:])
    contents = [path.read_bytes() for path in sorted(folder.iterdir())]
    trunk = load_trunk(home, TrunkRequest()).trunk
    trunk.warm_up()
    decoded = partial(decode, limits=DecodeLimits())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        started = time.perf_counter()
        pictures = pool.map(decoded, contents)  # ahead of the trunk, as in the service
        batch, done = [], 0
        for picture in pictures:
            batch.append(picture.pixels)
            if len(batch) == BATCH:
                done += len(trunk(np.stack(batch)))
                batch = []
        if batch:
            done += len(trunk(np.stack(batch)))
        seconds = time.perf_counter() - started
    times = []
    for content in contents[:20]:
        begun = time.perf_counter()
        trunk(decoded(content).pixels[None])
        times.append(time.perf_counter() - begun)
    result = {
        "pictures": done,
        "seconds": seconds,
        "one_p50_ms": sorted(times)[len(times) // 2] * 1000,
        "fingerprint": trunk.identity.fingerprint.hex(),
        "precision": trunk.identity.precision,
        "layer": trunk.identity.layer,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

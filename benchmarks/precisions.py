"""How near bfloat16 stays to float32 on the pictures of a folder; table, and JSON in var/bench/precisions.json.

python benchmarks/precisions.py FOLDER [--home HOME] [--weights W] [--layer L]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from bench.machine import machine

from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.weights.record import TrunkRequest
from graft.client.folders import picture_files
from graft.errors import InvalidArgumentError

OUT = Path("var/bench/precisions.json")
BATCH = 8
WISHED_COSINE = 0.9999


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path, default=Path("var/bench/home-precisions"))
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--layer", default="")
    options = parser.parse_args()
    ran_on = machine()
    vectors, milliseconds, fingerprints, weights, layer = {}, {}, {}, "", ""
    for precision in ("float32", "bfloat16"):
        loaded = load_trunk(options.home, TrunkRequest(options.weights, options.layer, precision))
        weights, layer = loaded.trunk.identity.weights_sha256, loaded.trunk.identity.layer
        fingerprints[precision] = loaded.trunk.identity.fingerprint.hex()
        pixels = []
        for path in picture_files(options.folder):
            try:
                pixels.append(loaded.prepare(path.read_bytes(), ()).pixels)
            except InvalidArgumentError:
                continue  # the same ones for both precisions
        loaded.trunk(np.stack(pixels[:BATCH]))
        started = time.process_time()
        parts = [loaded.trunk(np.stack(pixels[at : at + BATCH])) for at in range(0, len(pixels), BATCH)]
        milliseconds[precision] = (time.process_time() - started) / len(pixels) * 1000
        vectors[precision] = np.concatenate(parts).astype(np.float64)
    exact, near = vectors["float32"], vectors["bfloat16"]
    cosines = (exact * near).sum(1) / (np.linalg.norm(exact, axis=1) * np.linalg.norm(near, axis=1))
    figures = {
        "pictures": len(exact),
        "layer": layer,
        "cosine_median": float(np.median(cosines)),
        "cosine_first_percentile": float(np.percentile(cosines, 1)),
        "cosine_minimum": float(cosines.min()),
        "below_wished_cosine": int((cosines < WISHED_COSINE).sum()),
        "relative_difference_maximum": float(
            (np.linalg.norm(exact - near, axis=1) / np.linalg.norm(exact, axis=1)).max()
        ),
        "float32_processor_ms_per_picture": milliseconds["float32"],
        "bfloat16_processor_ms_per_picture": milliseconds["bfloat16"],
    }
    for name, value in figures.items():
        print(f"{name:36} {value:.6g}" if isinstance(value, float) else f"{name:36} {value}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    setting = {
        "weights_sha256": weights,
        "fingerprints": fingerprints,
        "folder": options.folder.resolve().name,
        "batch": BATCH,
    }
    OUT.write_text(json.dumps({"machine": ran_on, "setting": setting, "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The trunk alone, without a service, in a process of its own: a worker that measures it in a loop, decoding included.

python benchmarks/bare_trunk.py HOME FOLDER [--weights W] [--layer L] [--precision P]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bench.dialogue import serve
from bench.loops import in_batches, one_at_a_time
from bench.pictures import jpegs_of

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.weights.record import TrunkRequest

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    """Load, warm up, answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("folder", type=Path)
    for name, default in (("--weights", "auto"), ("--layer", ""), ("--precision", "auto")):
        parser.add_argument(name, default=default)
    given = parser.parse_args()
    contents = jpegs_of(given.folder)
    loaded = load_trunk(given.home, TrunkRequest(given.weights, given.layer, given.precision), limits=DecodeLimits())
    trunk = loaded.trunk
    trunk.warm_up()

    def prepare(content: bytes) -> NDArray[Any]:
        return np.asarray(loaded.prepare(content, ()).pixels)

    def identity() -> dict[str, Any]:
        return {
            "fingerprint": trunk.identity.fingerprint.hex(),
            "weights": loaded.resolution.weights,
            "reason": loaded.resolution.reason,
            "precision": trunk.identity.precision,
            "layer": trunk.identity.layer,
            "engine": trunk.identity.engine,
            "dimensions": trunk.dimensions,
        }

    serve(
        identity=identity,
        one=partial(one_at_a_time, prepare, trunk, contents),
        batches=partial(in_batches, prepare, trunk, contents),
    )


if __name__ == "__main__":
    main()

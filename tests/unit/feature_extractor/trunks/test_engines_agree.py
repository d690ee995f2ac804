"""JAX and TensorFlow, each in a process of its own, give the same vectors from the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RUN = """
import json, sys
from pathlib import Path
import numpy as np
from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.weights.record import TrunkRequest

home, engine, precision, out = sys.argv[1:]
for start in range(2):
    request = TrunkRequest("random:5", "avg_pool", precision, engine)
    loaded = load_trunk(Path(home), request, device="cpu", buckets=(1, 2), native_bfloat16=lambda: True)
coarse = np.random.default_rng(0).integers(0, 256, (3, 13, 13, 3), dtype=np.uint8)
pictures = coarse.repeat(23, axis=1).repeat(23, axis=2)
vectors = loaded.trunk(pictures)
np.save(out, vectors)
alone = np.concatenate([loaded.trunk(pictures[place : place + 1]) for place in range(3)])
identity = loaded.resolution.identity
print(json.dumps({
    "engine": identity.engine, "precision": identity.precision, "fingerprint": identity.fingerprint.hex(),
    "weights": identity.weights_sha256, "device": loaded.trunk.device, "tensorflow": "tensorflow" in sys.modules,
    "spread": float((np.linalg.norm(vectors - alone, axis=1) / np.linalg.norm(alone, axis=1)).max()),
}))
"""


def vectors(folder: Path, engine: str, precision: str = "float32") -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The vectors of three pictures, and what the trunk says of itself, from a process of its own."""
    out = folder / f"{engine}-{precision}.npy"
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder / "home"), engine, precision, str(out)],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return np.load(out), json.loads(done.stdout.splitlines()[-1])


def farthest(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """The largest |a - b| / |b| of a row."""
    return float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())


@pytest.mark.tensorflow
@pytest.mark.jax
def test_engines_give_the_same_vectors(tmp_path: Path) -> None:
    """In float32 to 1e-4; the fingerprints differ all the same, and JAX brings no TensorFlow into its process."""
    by_tensorflow, first = vectors(tmp_path, "tensorflow")
    by_jax, second = vectors(tmp_path, "jax")
    assert by_jax.shape == (3, 2048)
    assert farthest(by_jax, by_tensorflow) <= 1e-4
    assert farthest(by_jax[:1], by_tensorflow[1:2]) > 1e-2
    assert (first["engine"], second["engine"]) == ("tensorflow", "jax")
    assert first["weights"] == second["weights"]
    assert first["fingerprint"] != second["fingerprint"]
    assert second["device"] == "CPU"
    assert max(first["spread"], second["spread"]) <= 1e-5  # by the batch that a picture travels in
    assert not second["tensorflow"]


@pytest.mark.jax
def test_jax_computes_in_bfloat16_when_asked(tmp_path: Path) -> None:
    """Its vectors are near the float32 ones and not equal to them."""
    exact, _ = vectors(tmp_path, "jax")
    lower, said = vectors(tmp_path, "jax", "bfloat16")
    assert said["precision"] == "bfloat16"
    assert said["spread"] <= 1e-2
    assert 1e-5 < farthest(lower, exact) <= 2e-2

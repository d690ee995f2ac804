"""The benchmark of trunk and batcher needs one engine and four packages, and tells what it ran on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[4] / "benchmarks" / "gpu.py"
ABSENT = (
    *("pydantic", "pydantic_settings", "prometheus_client", "structlog", "google_crc32c", "typer"),
    *("grpc_health", "grpc_reflection", "openvino", "safetensors"),
)
WITHOUT = """
import runpy, sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in absent else self.finder.find_spec(name, path, target)

absent = set(sys.argv[1].split(","))
sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def bench(engine: str, absent: tuple[str, ...], out: Path) -> dict[str, object]:
    """Run it for an instant on the processor, cut at an early layer, where these packages cannot be imported."""
    flags = ["--device", "cpu", "--precision", "float32", "--layer", "mixed0", "--batches", "1,3", "--seconds", "0.1"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, ",".join(absent), PROGRAM, "--engine", engine, "--out", out, *flags],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "device only" in done.stdout
    result: dict[str, object] = json.loads(out.read_text())
    return result


def check(result: dict[str, object], engine: str) -> None:
    """Full batches of the sizes asked for, and rates that are more than nothing."""
    assert (result["engine"], result["device"], result["precision"]) == (engine, "CPU", "float32")
    assert result["buckets"] == [1, 2, 3]
    rows = result["rates"]
    assert isinstance(rows, list)
    assert [row["batch"] for row in rows] == [1, 3]
    assert all(row["pictures_s"] > 0 and row["device_only_pictures_s"] > 0 for row in rows)
    assert rows[0]["mean_batch"] == 1


@pytest.mark.tensorflow
def test_it_runs_on_tensorflow(tmp_path: Path) -> None:
    """Without what the service needs beside the engine."""
    check(bench("tensorflow", ABSENT, tmp_path / "out" / "gpu.json"), "tensorflow")


@pytest.mark.jax
def test_it_runs_on_jax_alone(tmp_path: Path) -> None:
    """Where TensorFlow is not there either, `auto` takes JAX."""
    check(bench("auto", (*ABSENT, "tensorflow"), tmp_path / "gpu.json"), "jax")

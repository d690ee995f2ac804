"""Makes the 8-bit trunk that is measured, from the benchmark's own pictures; and says why not where it cannot."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


_PICTURES = 100  # enough for the ranges of activations, and quick


def quantised(home: Path, folder: Path, weights: str, layer: str) -> str:
    """Put an 8-bit trunk into the home; empty, or why there is none."""
    if importlib.util.find_spec("openvino") is None:
        return "OpenVINO is not installed"
    command = [sys.executable, "-P", "-m", "feature_extractor.tools", "quantize", "--home", str(home)]
    command += ["--from", str(folder), "--weights", weights, "--layer", layer, "--pictures", str(_PICTURES)]
    done = subprocess.run(command, check=False, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
    return "" if done.returncode == 0 else f"quantising failed: {done.stderr.strip().splitlines()[-1:]}"

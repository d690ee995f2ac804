"""What a benchmark ran on, for its report."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("graft", "tensorflow", "keras", "numpy", "grpcio", "pillow", "lmdb", "openvino", "jax")


def machine() -> dict[str, object]:
    """Return processor, cores, load, Python and the versions of what matters."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str:
    """Its version; empty where it is not installed, as the extras are on many machines."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""

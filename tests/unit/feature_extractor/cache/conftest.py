"""A filled cache whose file tests may copy and damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from damaged_caches import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed cache of some hundred pictures; not to be changed."""
    directory = tmp_path_factory.mktemp("filled")
    done = run("fill", directory)
    assert done.returncode == 0, done.stderr
    return directory

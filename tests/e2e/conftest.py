"""The stacks that end-to-end tests share: one with a trained trunk and a classifier, one that may be hurt."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent / "support"))

from textures import write_textures
from whole_stack import SMALL, GraftUp, graft_up


@dataclass(frozen=True)
class Trained:
    """What the commands said that made the classifier `textures` from the folder of that name."""

    folder: Path
    first_import: dict[str, Any]
    second_import: dict[str, Any]
    training: dict[str, Any]


@pytest.fixture(scope="session")
def textures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 120 pictures, 20 under each of six labels."""
    return write_textures(tmp_path_factory.mktemp("textures"), 20)


@pytest.fixture(scope="session")
def stack(nsfwjs_weights_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraftUp]:
    """The four services with a trained trunk; none of them is stopped before the end."""
    home = tmp_path_factory.mktemp("stack")
    shutil.copytree(nsfwjs_weights_folder, home / "weights")
    with graft_up(home, ("--weights", "nsfwjs")) as running:
        yield running


@pytest.fixture(scope="session")
def client(stack: GraftUp) -> Iterator[Client]:
    """A client of the stack."""
    with Client(stack.address()) as connected:
        yield connected


@pytest.fixture(scope="session")
def trained(stack: GraftUp, textures: Path) -> Trained:
    """A classifier in production, made by three commands: import, import again, train."""
    return Trained(
        textures,
        first_import=stack.graft("import", "textures", textures),
        second_import=stack.graft("import", "textures", textures),
        training=stack.graft("train", "textures"),
    )


@pytest.fixture(scope="module")
def small_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraftUp]:
    """The four services with an untrained trunk, for a module that kills some of them."""
    with graft_up(tmp_path_factory.mktemp("small"), SMALL) as running:
        yield running

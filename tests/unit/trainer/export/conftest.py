"""What the tests of exports share: a small trunk, a head for it, and textures as pictures."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trainer.catalog.examples import NewExample

sys.path.insert(0, str(Path(__file__).parent / "fakes"))

from small_trunk import LABELS, SmallTrunk, head_for, texture, write_trunk

if TYPE_CHECKING:
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.registry.registry import Registry


@pytest.fixture(scope="session")
def trunk_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen graph of the small trunk."""
    return write_trunk(tmp_path_factory.mktemp("trunk") / "trunk.pb")


@pytest.fixture
def trunk(trunk_file: Path) -> SmallTrunk:
    """A service of the small trunk."""
    return SmallTrunk(trunk_file)


@pytest.fixture
def pictures(datasets: DatasetStore, examples: ExampleStore, trunk: SmallTrunk) -> str:
    """A dataset of 12 pictures of three labels, whose previews the trunk keeps."""
    datasets.create("textures")
    for number in range(12):
        content = texture(number)
        digest = hashlib.sha256(content).digest()
        trunk.kept[digest] = content
        examples.add("textures", [NewExample(digest, LABELS[number % 3], f"{number}.jpg")])
    return "textures"


@pytest.fixture
def version(registry: Registry, trunk: SmallTrunk) -> int:
    """A version of the classifier `textures`."""
    facts = {"labels": list(LABELS), "fingerprint": trunk.fingerprint().hex(), "dataset": {"name": "textures"}}
    return registry.publish("textures", 1, head_for(), facts).version

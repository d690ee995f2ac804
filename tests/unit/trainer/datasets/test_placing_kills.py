"""An import is killed while it adds and places: what was acknowledged is there, and what was placed does not move."""

from __future__ import annotations

import hashlib
import random
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trainer.catalog.connection import Catalog
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.parts import PartStore

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.datasets.split import Part

pytestmark = pytest.mark.timeout(120)

PICTURES, MESSAGE, KILLS = 400, 20, 4

# Adds the pictures of some numbers, message by message, and places what is there after each: every other picture is a
# copy of the one before it. Prints `adding`, `placing` before each piece of work and the numbers that are acknowledged.
TRAINER = """
import hashlib, sys
from pathlib import Path
import numpy as np
from trainer.catalog.connection import Catalog
from trainer.catalog.examples import ExampleStore, NewExample
from trainer.catalog.parts import PartStore
from trainer.datasets.placing import Placer
from trainer.datasets.placing_thumbnails import Thumbnails

pictures, message = int(sys.argv[2]), int(sys.argv[3])
names = {hashlib.sha256(b"%d" % n).digest(): n for n in range(pictures)}

class Features:
    def fingerprint(self):
        return b"f" * 16

    def lookup(self, digests, view=0, view_seed=0):
        drawn = [5 + np.random.default_rng(names[each] // 2).normal(size=16) for each in digests]
        return np.array(drawn, np.float32), []

catalog = Catalog(Path(sys.argv[1]))
examples = ExampleStore(catalog)
placer = Placer(PartStore(catalog), Features(), Thumbnails(lambda digests: [b""] * len(digests)))
for start in range(0, pictures, message):
    numbers = range(start, start + message)
    print("adding", flush=True)
    examples.add("set", [NewExample(hashlib.sha256(b"%d" % n).digest(), "ab"[n % 4 // 2], str(n)) for n in numbers])
    print(*numbers, flush=True)
    print("placing", flush=True)
    placer.place("set")
print("done", flush=True)
"""


@pytest.mark.parametrize("phase", ["adding", "placing"])
def test_a_killed_import_loses_and_moves_nothing(tmp_path: Path, phase: str) -> None:
    """The trainer is killed several times, at random moments of adding or of placing; then it comes to its end."""
    file = tmp_path / "catalog.sqlite3"
    catalog = Catalog(file)
    DatasetStore(catalog).create("set")
    catalog.close()
    chance = random.Random(phase)  # noqa: S311 - moments of kills
    acknowledged: set[int] = set()
    placed: dict[bytes, Part] = {}
    for _ in range(KILLS):
        acknowledged |= _run(file, phase, chance)
        now = _placed(file, acknowledged)
        assert placed.items() <= now.items()
        placed = now
    acknowledged |= _run(file, "", chance)
    now = _placed(file, acknowledged)
    assert placed.items() <= now.items()
    assert len(now) == PICTURES
    for number in range(0, PICTURES, 2):
        assert now[_digest(number)] == now[_digest(number + 1)]


def _digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def _run(file: Path, phase: str, chance: random.Random) -> set[int]:
    """Import, and kill it in the given phase of one of the next messages; return the numbers that were acknowledged."""
    command = [sys.executable, "-c", TRAINER, str(file), str(PICTURES), str(MESSAGE)]
    last = chance.randrange(1, PICTURES // MESSAGE)
    acknowledged: set[int] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line[0].isdigit():
                acknowledged |= {int(each) for each in line.split()}
            last -= line.strip() == phase
            if phase and not last:
                select.select([], [], [], chance.uniform(0, 0.01))  # somewhere within it
                process.kill()
                break
        for line in process.stdout:  # what was said before the kill was acknowledged too
            if line[0].isdigit() and line.endswith("\n"):
                acknowledged |= {int(each) for each in line.split()}
    assert process.returncode == (-signal.SIGKILL if phase else 0)
    return acknowledged


def _placed(file: Path, acknowledged: set[int]) -> dict[bytes, Part]:
    """Return where the placed pictures are, once it is sure that every acknowledged one is there."""
    catalog = Catalog(file)
    try:
        placements = PartStore(catalog).placements("set")
    finally:
        catalog.close()
    assert {_digest(each) for each in acknowledged} <= {each.digest for each in placements}
    return {each.digest: each.part for each in placements if not each.unplaced}

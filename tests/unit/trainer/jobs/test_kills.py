"""The trainer is killed at random moments of real jobs: each goes on and ends with the weights of one left in peace.

`GRAFT_JOB_KILLS` sets how many kills of jobs of each recipe; `make test-kill-jobs` does 20.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.examples import ExampleStore, NewExample
from trainer.catalog.job_records import JobState
from trainer.catalog.jobs import JobStore
from trainer.registry.head_files import HeadDirectory
from trainer.registry.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.catalog.job_records import Job

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(1800)]

_log = logging.getLogger(__name__)

KILLS = int(os.environ.get("GRAFT_JOB_KILLS", "2"))
RECIPES = ["mlp"] if KILLS < 20 else ["mlp", "softmax"]  # a process takes seconds to begin

# Does the job that is there, or a new one. Prints `begun` before its work begins, `fitting` when steps are reported, by
# an earlier process too (a checkpoint is there by then), and its state when it ends.
TRAINER = """
import sys, threading
from pathlib import Path
import numpy as np
from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.catalog.examples import ExampleStore
from trainer.catalog.job_records import JobState
from trainer.catalog.jobs import JobStore
from trainer.fitting.fit import fit, prepare_tensorflow
from trainer.registry.head_files import HeadDirectory
from trainer.jobs.folders import FolderSettings, JobFolders
from trainer.jobs.runner import JobRunner
from trainer.registry.registry import Registry
from trainer.jobs.training import Training

class Features:
    def fingerprint(self):
        return b"f" * 16

    def lookup(self, digests, view=0, view_seed=0):
        noise = [np.random.default_rng(list(digest)).normal(0, 1.5, 32) for digest in digests]
        draws = [each + np.eye(32)[digest[0] % 4] for each, digest in zip(noise, digests)]
        return np.array(draws, np.float32), []

home, recipe = Path(sys.argv[1]), {"mlp": {"kind": "mlp", "hidden_units": [64], "batch_size": 4, "patience": 50},
    "softmax": {"kind": "softmax", "steps": 20_000, "report_every": 3_000}}[sys.argv[2]]
catalog = Catalog(home / "catalog.sqlite3")
registry = Registry(ClassifierStore(catalog), HeadDirectory(home / "heads"))
registry.recover()
prepare_tensorflow(1)
jobs, folders = JobStore(catalog), JobFolders(home / "jobs", FolderSettings("1", every_s=0.0))
runner = JobRunner(jobs, Training(ExampleStore(catalog), Features(), registry, folders, fit, "1"), registry, folders)
left = [*jobs.in_state(JobState.RUNNING), *jobs.in_state(JobState.QUEUED)]
assert len(left) < 2
runner.start()
ended = threading.Event()

def heard(event):
    if event.progress and event.progress.phase == "fitting":
        print("fitting", flush=True)
    if event.state.final:
        print(event.state, flush=True)
        ended.set()

job = left[0] if left else runner.create("points", "points", recipe)
print("begun", flush=True)
runner.subscribe(job.job_id, heard)
ended.wait()
runner.stop(60)
"""


class Trainer:
    """A trainer in a process of its own."""

    def __init__(self, home: Path, recipe: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", TRAINER, str(home), recipe],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert self._process.stdout is not None
        self._lines = self._process.stdout

    def wait(self, line: bytes) -> None:
        """Read until it says so."""
        for said in self._lines:
            if said.strip() == line:
                return
        raise AssertionError(f"it ended with {self._process.wait()} before it said {line!r}")

    def kill_at_checkpoint(self, home: Path) -> None:
        """Kill it as soon as its job has a checkpoint, or has ended."""
        while self._process.poll() is None and not any(home.glob("jobs/*/checkpoint.safetensors")):
            if select.select([self._lines], [], [], 0.002)[0] and self._lines.readline().strip() == b"SUCCEEDED":
                break
        self.kill_after(0)

    def kill_after(self, seconds: float) -> None:
        """Give it so much time, or until it has ended by itself; then no more."""
        select.select([], [], [], seconds)
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._lines.close()

    def end(self) -> None:
        """Wait until the job is done and the process has ended."""
        self.wait(b"SUCCEEDED")
        assert self._process.wait() == 0
        self._lines.close()


def _new_home(path: Path) -> Path:
    catalog = Catalog(path / "catalog.sqlite3")
    DatasetStore(catalog).create("points")
    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(300)]
    ExampleStore(catalog).add("points", [NewExample(digest, f"class {digest[0] % 4}", "") for digest in digests])
    catalog.close()
    return path


def _heads(home: Path) -> set[str]:
    """Return the SHA-256 of the tensors of each version; all of them are whole."""
    catalog = Catalog(home / "catalog.sqlite3")
    registry = Registry(ClassifierStore(catalog), HeadDirectory(home / "heads"))
    assert registry.recover() == ()
    rows = registry.list_versions("points", 1000).items
    found = {hashlib.sha256(registry.read_head("points", row.version).tensors).hexdigest() for row in rows}
    catalog.close()
    return found


def _jobs(home: Path) -> tuple[list[Job], int]:
    """Return all jobs and how often one went on from a step."""
    catalog = Catalog(home / "catalog.sqlite3")
    store = JobStore(catalog)
    found = list(store.list_page(page_size=1000).items)
    resumed = sum(
        "goes on from step" in event.message
        for job in found
        for event in store.events(job.number)
        if event.state is JobState.RUNNING
    )
    catalog.close()
    return found, resumed


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_killed_job_ends_with_the_same_weights(tmp_path: Path, recipe: str) -> None:
    """Byte for byte; no version is half there, and every job that was begun is done in the end."""
    chance = random.Random(KILLS)  # noqa: S311  # no secret
    whole, home = _new_home(tmp_path / "whole"), _new_home(tmp_path / "killed")
    peaceful = Trainer(whole, recipe)
    took = {}
    for line in (b"begun", b"fitting"):
        peaceful.wait(line)
        took[line] = time.monotonic()
    peaceful.end()
    ended = time.monotonic()
    for number in range(KILLS):
        trainer = Trainer(home, recipe)
        if number == 1:  # so that one job at least goes on, however fast the machine is
            trainer.kill_at_checkpoint(home)
            continue
        line = (b"begun", b"fitting")[number % 2]
        trainer.wait(line)
        trainer.kill_after(chance.uniform(0.0, 0.7 * (ended - took[line])))
    last = Trainer(home, recipe)
    last.end()
    found, resumed = _jobs(home)
    seconds = ended - took[b"begun"]
    _log.info("%d kills in %d jobs of %.1f s, gone on with %d times", KILLS, len(found), seconds, resumed)
    assert {job.state for job in found} == {JobState.SUCCEEDED}
    assert resumed
    assert _heads(home) == _heads(whole)
    assert [path.name for path in (home / "jobs").iterdir()] == []

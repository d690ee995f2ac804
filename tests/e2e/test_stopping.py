"""SIGTERM at any moment ends services and `graft up` with exit code 0; a killed `graft up` leaves nobody behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from processes import marked, new_mark, wait_none_left
from textures import write_textures
from whole_stack import SMALL, STAGES, GraftUp

from graft.client import Client, ImportProgress, Job, JobState, Progress, Recipe
from graft.client.retrying import RetryPolicy
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(120)]

ENDLESS = Recipe(kind="softmax", steps=10_000_000, report_every=50)
STOPPED = (signal.SIGTERM, signal.SIGINT)
DELAYS_S = {
    "gateway": (0.0, 0.1, 0.3, 0.7),
    "classifier": (0.0, 0.1, 0.3, 0.7),
    "trainer": (0.0, 0.2, 0.8, 1.6, 3.0),
    "feature_extractor": (0.0, 0.2, 0.8, 1.6, 3.0, 5.0),
}


@pytest.fixture
def ups() -> Iterator[list[GraftUp]]:
    """A list of what was started; it is all killed at the end."""
    started: list[GraftUp] = []
    yield started
    for each in started:
        each.destroy()


@pytest.mark.parametrize(("stage", "delay_s"), [(stage, each) for stage in DELAYS_S for each in DELAYS_S[stage]])
def test_a_service_that_starts_ends_with_0(tmp_path: Path, stage: str, delay_s: float) -> None:
    """Before its first line of code, while it imports and while it loads; no process of its own is left."""
    environment = new_mark()
    flags = SMALL if stage == "feature_extractor" else ()
    # Started as a supervisor starts it: a signal that comes before the interpreter can handle it waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", stage, "--listen", "127.0.0.1:0", "--home", str(tmp_path), *flags],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with process:
        threading.Event().wait(delay_s)
        process.terminate()
        assert process.wait(60) == 0
    assert marked(environment) == []


@pytest.mark.parametrize("delay_s", [0.2, 0.5, 1.0, 2.0, 3.5, 6.0])
def test_graft_up_that_starts_ends_all_with_0(tmp_path: Path, ups: list[GraftUp], delay_s: float) -> None:
    """While it loads, while its services do and once they serve; none of them is left."""
    running = GraftUp(tmp_path, *SMALL)
    ups.append(running)
    threading.Event().wait(delay_s)
    running.process.terminate()
    assert running.process.wait(60) == 0
    assert marked(running.environment) == []
    if (tmp_path / "up-exit.json").exists():  # there is none if it had started no service yet
        assert set(running.exit_codes().values()) == {0}
    assert not (tmp_path / "up.json").exists()


def test_graft_up_at_work_ends_all_with_0_and_keeps_what_was_acknowledged(
    tmp_path: Path, ups: list[GraftUp], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of an import and of a job: the pictures are there at the next start, and the job goes on."""
    monkeypatch.setenv("GRAFT_GRACE_S", "0")  # so that the import is cut off instead of finished
    few, many = write_textures(tmp_path / "few", 10), write_textures(tmp_path / "many", 50, start=100)
    running = GraftUp(tmp_path / "home", *SMALL)
    ups.append(running)
    running.wait_until_ready()
    with Client(running.address(), retry=RetryPolicy(attempts=0)) as client:
        for name in ("few", "many"):
            client.create_dataset(name)
        client.import_folder("few", few)
        job = client.train("few", recipe=ENDLESS)
        next(each for each in client.watch(job.job_id) if isinstance(each, Progress) and each.phase == "fitting")
        seen: list[ImportProgress] = []

        def stop_it(progress: ImportProgress) -> None:
            if progress.done and not any(each.done for each in seen):
                running.process.terminate()
            seen.append(progress)

        with pytest.raises(UnavailableError):
            client.import_folder("many", many, stop_it)
    assert running.process.wait(60) == 0
    assert running.exit_codes() == dict.fromkeys(STAGES, 0)
    assert marked(running.environment) == []
    acknowledged = seen[-1].done
    assert 0 < acknowledged < 300

    again = GraftUp(tmp_path / "home", *SMALL)
    ups.append(again)
    again.wait_until_ready()
    with Client(again.address()) as client:
        course = client.watch(job.job_id)
        states = [next(each for each in course if isinstance(each, Job)).state for _ in range(4)]
        assert states == [JobState.QUEUED, JobState.RUNNING, JobState.QUEUED, JobState.RUNNING]
        assert client.cancel(job.job_id).state is JobState.CANCELLED
        digests = [example.digest for example in client.examples("many")]
        assert len(digests) >= acknowledged
        assert client.find_missing(digests) == []
        report = client.import_folder("many", many)
    assert report.unchanged >= acknowledged
    assert report.computed <= 300 - acknowledged
    again.process.terminate()
    assert again.process.wait(60) == 0


def test_a_killed_graft_up_leaves_nobody_behind(tmp_path: Path, ups: list[GraftUp]) -> None:
    """After kill -9 while services load, and when all of them serve, they end, and the home is free for the next."""
    first = GraftUp(tmp_path, *SMALL)
    ups.append(first)
    first.read_until("waiting for feature_extractor, trainer, gateway")  # the classifier serves, the others load
    first.process.kill()
    wait_none_left(first.environment)
    second = GraftUp(tmp_path, *SMALL)
    ups.append(second)
    second.wait_until_ready()
    assert len(marked(second.environment)) == 5
    second.process.kill()
    wait_none_left(second.environment)

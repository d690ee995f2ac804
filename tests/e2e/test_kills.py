"""kill -9 of the extractor and of the trainer at work: nothing acknowledged is lost, nothing half-made is left."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from processes import wait_until
from textures import write_textures

from graft.client import Client, ImportProgress, Job, JobState, Progress, Recipe
from graft.client.retrying import RetryPolicy
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(180)]

QUICK = Recipe(kind="softmax", steps=50)
ENDLESS = Recipe(kind="softmax", steps=10_000_000, report_every=50)
PICTURES = 300


@pytest.fixture(scope="module")
def client(small_stack: Any) -> Iterator[Client]:
    """A client of the stack that is hurt."""
    with Client(small_stack.address()) as connected:
        yield connected


@pytest.fixture(scope="module")
def imported(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset of 60 pictures."""
    client.create_dataset("small")
    client.import_folder("small", write_textures(tmp_path_factory.mktemp("few"), 10))
    return "small"


class Killer:
    """Kills a stage once, when some pictures are acknowledged, and remembers what was by then."""

    def __init__(self, kill: Callable[[], None], client: Client, dataset: str) -> None:
        self._kill, self._client, self._dataset = kill, client, dataset
        self.acknowledged = ImportProgress(None, 0, 0, 0, 0)
        self.digests: list[bytes] = []

    def __call__(self, progress: ImportProgress) -> None:
        """Look at an import's progress."""
        if progress.done and not self.digests:
            self.digests = [example.digest for example in self._client.examples(self._dataset)]
            self.acknowledged = progress
            self._kill()


def watch_and_kill(small_stack: Any, client: Client, job_id: str, phase: str) -> None:
    """Kill the trainer when the job enters a phase."""
    with suppress(UnavailableError):  # how a watch ends, unless the last event was on its way already
        for event in client.watch(job_id):
            if isinstance(event, Progress) and event.phase == phase:
                small_stack.kill("trainer")
                phase = ""


def test_an_extractor_killed_in_an_import_computes_nothing_again(
    small_stack: Any, client: Client, tmp_path: Path
) -> None:
    """What was acknowledged before kill -9 is there after the restart; importing again computes the others only."""
    folder = write_textures(tmp_path, PICTURES // 6, start=1000)
    client.create_dataset("extractor-killed")
    killer = Killer(lambda: small_stack.kill("feature_extractor"), client, "extractor-killed")
    with Client(small_stack.address(), retry=RetryPolicy(attempts=0)) as impatient, pytest.raises(UnavailableError):
        impatient.import_folder("extractor-killed", folder, killer)
    acknowledged = killer.acknowledged.computed
    assert 0 < acknowledged < PICTURES
    small_stack.read_until("feature_extractor ended with exit code -9; starting it again")
    small_stack.read_until("feature_extractor serves again")
    assert len(killer.digests) >= acknowledged
    assert client.find_missing(killer.digests) == []
    again = small_stack.graft("import", "extractor-killed", folder)
    assert (again["total"], again["refused"]) == (PICTURES, [])
    assert again["unchanged"] >= acknowledged
    assert again["computed"] <= client.cache_stats().computed <= PICTURES - acknowledged
    assert client.dataset("extractor-killed").example_count == PICTURES


@pytest.mark.parametrize("stage", ["feature_extractor", "trainer", "gateway"])
def test_an_import_outlives_a_killed_stage(small_stack: Any, client: Client, tmp_path: Path, stage: str) -> None:
    """Without being started again it goes on when the stage is back, and every picture is in the dataset once."""
    dataset = stage.replace("_", "-")
    start = 2000 + 100 * len(stage)
    folder = write_textures(tmp_path, PICTURES // 6, start)
    client.create_dataset(dataset)
    killer = Killer(lambda: small_stack.kill(stage), client, dataset)
    report = client.import_folder(dataset, folder, killer)
    assert 0 < killer.acknowledged.done < PICTURES
    assert (report.total, report.refused) == (PICTURES, ())
    assert report.computed <= PICTURES
    assert client.dataset(dataset).example_count == PICTURES
    small_stack.read_until(f"{stage} serves again")
    assert client.import_folder(dataset, folder).computed == 0


def test_a_job_whose_trainer_is_killed_goes_on(small_stack: Any, client: Client, imported: str) -> None:
    """After the restart it goes on from a step that it had made, before the job that waited behind it."""
    files = {path.relative_to(small_stack.home) for path in (small_stack.home / "heads").rglob("*")}
    job = client.train(imported, "killed", ENDLESS)
    waiting = client.train(imported, "waited", QUICK)
    folder = small_stack.home / "jobs" / job.job_id.removeprefix("job-")
    wait_until((folder / "checkpoint.safetensors").exists, "a checkpoint")
    small_stack.kill("trainer")
    small_stack.read_until("trainer serves again")
    notes = []
    for event in client.watch(job.job_id):
        if isinstance(event, Job) and event.note:
            notes.append((event.state, event.note))
        elif isinstance(event, Progress) and len(notes) > 1:
            break
    (then, killed), (now, resumed) = notes
    assert (then, now) == (JobState.QUEUED, JobState.RUNNING)
    assert "killed" in killed
    assert resumed.startswith("goes on from step")
    assert client.job(waiting.job_id).state is JobState.QUEUED
    client.cancel(job.job_id)
    *_, next_one = client.watch(waiting.job_id)
    assert isinstance(next_one, Job)
    assert (next_one.state, next_one.version) == (JobState.SUCCEEDED, 1)
    assert not folder.exists()
    made = {path.relative_to(small_stack.home) for path in (small_stack.home / "heads").rglob("*")} - files
    assert {path.as_posix() for path in made} - {"heads"} == {
        "heads/waited",
        "heads/waited/1",
        "heads/waited/1/evaluation.json",
        "heads/waited/1/head.safetensors",
        "heads/waited/1/manifest.json",
    }


def test_a_trainer_killed_when_its_head_is_due_leaves_a_whole_version_or_none(
    small_stack: Any, client: Client, imported: str
) -> None:
    """The job goes on and makes one version whose files are whole; the next job makes the next."""
    job = client.train(imported, "due", QUICK)
    watch_and_kill(small_stack, client, job.job_id, "evaluating")
    small_stack.read_until("trainer serves again")
    *_, ended = client.watch(job.job_id)
    assert isinstance(ended, Job)
    assert ended.state is JobState.SUCCEEDED
    *_, after = client.watch(client.train(imported, "due", QUICK).job_id)
    assert isinstance(after, Job)
    assert after.state is JobState.SUCCEEDED
    made = [ended.version, after.version]
    assert made == [1, 2]
    assert sorted(each.version for each in client.versions("due")) == made
    folder = small_stack.home / "heads" / "due"
    assert sorted(int(path.name) for path in folder.iterdir()) == made
    wait_until(lambda: "due" in {head.classifier for head in client.heads().heads}, "the head in the classifier")

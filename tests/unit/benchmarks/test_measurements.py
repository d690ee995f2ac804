"""The pipeline's training measurement ends, whatever becomes of the job."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from bench.measurements import NAME, training

from graft.client import Job, JobState, Recipe
from graft.errors import InternalError

PICTURES = [b"a", b"b"]
QUEUED = Job("job", NAME, NAME, Recipe(), JobState.QUEUED, None, None, None, 0, None)
SUCCEEDED = replace(QUEUED, state=JobState.SUCCEEDED, version=3)


class Trainer:
    """A client whose job is in the next state each time it is looked at; the last one stays."""

    def __init__(self, *states: Job, served: tuple[str, int] = (NAME, 3), added: int = len(PICTURES)) -> None:
        self._states = list(states)
        self._head = SimpleNamespace(classifier=served[0], version=served[1])
        self._report = SimpleNamespace(added=added, refused=("b is no picture",))

    def create_dataset(self, name: str, *, exist_ok: bool) -> None:
        """There is one."""

    def import_examples(self, name: str, pictures: Any) -> Any:
        """Report what was added."""
        return self._report

    def train(self, name: str) -> Job:
        """Tell how it stands from the beginning."""
        return self.job(name)

    def job(self, job_id: str) -> Job:
        """Tell how it stands."""
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def heads(self) -> Any:
        """Tell the one that is served."""
        return SimpleNamespace(heads=(self._head,))


def measured(client: Trainer, within_s: float = 60.0) -> Any:
    """What training gives."""
    return training(client, PICTURES, within_s)  # type: ignore[arg-type] # what it needs of a client


def test_a_job_whose_head_is_served_is_measured() -> None:
    """It is asked for until it has succeeded."""
    what, _, unit = measured(Trainer(replace(QUEUED, state=JobState.RUNNING), SUCCEEDED))
    assert (what, unit) == ("job on 2 cached vectors, until served", "s")


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED])
def test_a_job_that_does_not_succeed_ends_the_run_with_its_error(state: JobState) -> None:
    """No head will ever come of it."""
    with pytest.raises(SystemExit, match=f"{state}.*out of vectors"):
        measured(Trainer(replace(QUEUED, state=state, error=InternalError("out of vectors"))))


@pytest.mark.parametrize(
    "client",
    [Trainer(QUEUED), Trainer(SUCCEEDED, served=(NAME, 2)), Trainer(SUCCEEDED, served=("other", 3))],
    ids=["a job without end", "an older version", "another classifier"],
)
def test_a_head_that_never_comes_ends_the_run(client: Trainer) -> None:
    """The wait is bounded; only the head of this job counts."""
    with pytest.raises(SystemExit, match="no head is served"):
        measured(client, within_s=0.0)


def test_refused_pictures_end_the_run() -> None:
    """A job on fewer vectors would be another measurement."""
    with pytest.raises(SystemExit, match=r"1 of 2 .*b is no picture"):
        measured(Trainer(SUCCEEDED, added=1))

"""The files between trainer and workers: what is told, signs of life, kept checkpoints, the fitted network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trainer.fitting.fit import FittedHead
from trainer.jobs.progress import Phase, Progress
from trainer.registry import heads
from trainer.workers.beats import Listener, write_beat
from trainer.workers.events import Heard, Told
from trainer.workers.fitted import read_fitted, write_fitted
from trainer.workers.lost_checkpoints import KEPT, LostCheckpoints
from trainer.workers.task import read_data, read_task

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.fitting.fit import TrainingData
    from trainer.workers.task import Task


def test_a_task_comes_back_as_it_was(tmp_path: Path, task: Task, data: TrainingData) -> None:
    """Workers read what the trainer wrote."""
    found = read_task(tmp_path / "workers")
    assert found == task
    read = read_data(tmp_path / "workers", task)
    for name in ("vectors", "labels", "training", "validation"):
        assert np.array_equal(getattr(read, name), getattr(data, name))
    assert read.classes == data.classes
    assert read_task(tmp_path) is None


def test_events_are_heard_once_and_whole(tmp_path: Path) -> None:
    """A line that is still being written waits until it is whole."""
    heard, told = Heard(tmp_path, "now"), Told(tmp_path, "now")
    assert list(heard.new()) == []
    Told(tmp_path, "then").tell("fitted", content=True)  # of another attempt
    told.tell("note", "goes on\nfrom ž")
    told.tell("fitted", content=True)
    with (tmp_path / "events-now.jsonl").open("ab") as file:
        file.write(b'{"note": "ha')
    assert list(heard.new()) == [("note", "goes on\nfrom ž"), ("fitted", True)]
    assert list(heard.new()) == []
    with (tmp_path / "events-now.jsonl").open("ab") as file:
        file.write(b'lf"}\n')
    assert list(heard.new()) == [("note", "half")]


def test_a_worker_whose_beats_stop_is_silent(tmp_path: Path) -> None:
    """What counts is for how long, by the listener's clock, a beat stays as it is."""
    now = [0.0]
    listener = Listener(tmp_path, "now", range(2), lambda: now[0])
    for second in range(0, 100, 10):
        now[0] = float(second)
        write_beat(tmp_path, 0, "now", "p", second)
        if second < 50:
            write_beat(tmp_path, 1, "now", "q", second)
        listener.listen()
        assert listener.silent(40.0) == (1 if second > 80 else None)
    assert listener.absent(40.0) is None


def test_beats_of_another_attempt_are_not_heard(tmp_path: Path) -> None:
    """A worker that a former attempt left does not pass for one of this."""
    now = [0.0]
    listener = Listener(tmp_path, "now", range(2), lambda: now[0])
    write_beat(tmp_path, 0, "now", "p", 1)
    write_beat(tmp_path, 1, "then", "q", 1)
    now[0] = 11.0
    listener.listen()
    assert listener.absent(10.0) == 1
    assert listener.silent(10.0) is None


def test_a_worker_that_is_started_again_is_told(tmp_path: Path) -> None:
    """Its beats go on, but it is another process, which the others cannot go on with."""
    listener = Listener(tmp_path, "now", range(2), lambda: 0.0)
    for number in (1, 2):
        write_beat(tmp_path, 1, "now", "p", number)
        listener.listen()
        assert listener.replaced is None
    write_beat(tmp_path, 1, "now", "q", 1)
    listener.listen()
    assert listener.replaced == 1


def test_a_lost_checkpoint_goes_to_the_same_job_alone(tmp_path: Path) -> None:
    """Another recipe or origin does not get it; a job that has a checkpoint keeps its own."""
    lost = LostCheckpoints(tmp_path / "lost")
    first, second = tmp_path / "1", tmp_path / "2"
    assert not lost.keep(first, {"seed": 0}, {"fingerprint": "f"})
    first.write_text("where it was")
    assert lost.keep(first, {"seed": 0}, {"fingerprint": "f"})
    assert not first.exists()
    assert not lost.give_back(second, {"seed": 1}, {"fingerprint": "f"})
    assert not lost.give_back(second, {"seed": 0}, {"fingerprint": "g"})
    second.write_text("its own")
    assert not lost.give_back(second, {"seed": 0}, {"fingerprint": "f"})
    second.unlink()
    assert lost.give_back(second, {"seed": 0}, {"fingerprint": "f"})
    assert second.read_text() == "where it was"


def test_few_lost_checkpoints_are_kept(tmp_path: Path) -> None:
    """They do not fill the disk: the newest stay."""
    lost, file = LostCheckpoints(tmp_path / "lost"), tmp_path / "checkpoint"
    for seed in range(KEPT + 3):
        file.write_text(str(seed))
        lost.keep(file, {"seed": seed}, {})
    assert len(list((tmp_path / "lost").iterdir())) == KEPT
    assert lost.give_back(file, {"seed": KEPT + 2}, {})


def test_a_fitted_network_comes_back_as_it_was(tmp_path: Path) -> None:
    """Arrays, to the bit, and what is told of them."""
    rng = np.random.default_rng(0)
    layers = (
        heads.Layer(rng.random((4, 3), np.float32), rng.random(3, np.float32), "relu"),
        heads.Layer(rng.random((3, 2), np.float32), rng.random(2, np.float32), "linear"),
    )
    network = heads.Network(rng.random(4, np.float32), rng.random(4, np.float32), layers)
    history = (Progress(Phase.FITTING, 3, 9, 1, 0.1, 0.2, 0.3), Progress(Phase.REFITTING, 4, 9, 2, 0.1))
    write_fitted(tmp_path / "fitted", FittedHead(network, 9, 2, "done", history))
    found = read_fitted(tmp_path / "fitted")
    assert heads.tensors_bytes(found.network) == heads.tensors_bytes(network)
    assert [layer.activation for layer in found.network.layers] == ["relu", "linear"]
    assert (found.steps, found.epochs, found.stop_reason, found.history) == (9, 2, "done", history)

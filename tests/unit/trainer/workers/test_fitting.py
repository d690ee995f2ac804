"""Fits by two workers: the head of one, a lost worker, a fit that fails, a fit that is cancelled."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.errors import AbortedError, CancelledError, FailedPreconditionError
from trainer.fitting.checkpoints import NO_CHECKPOINTS
from trainer.fitting.fit import fit, prepare_tensorflow
from trainer.recipes import MlpRecipe, SoftmaxRecipe
from trainer.registry import heads
from trainer.workers.fitting import WorkersFit

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.jobs.checkpoints import JobCheckpoints
    from trainer.jobs.progress import Progress

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(600)]

_MLP = MlpRecipe(hidden_units=(64, 32), learning_rate=0.003, max_epochs=20, patience=5, batch_size=15, workers=2)
_SOFTMAX = SoftmaxRecipe(steps=300, report_every=100, batch_size=33, class_weights="balanced", workers=2)
_MADE = WorkersFit(fit, threads=2)


def _running(folder: Path) -> dict[int, int]:
    """Return the process id of each worker of a job's folder, by rank."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if b"trainer.workers" in arguments and str(folder).encode() in arguments:
            found[1 if b'"index": 1}' in environment else 0] = int(process.name)
    return found


@pytest.fixture(scope="module")
def by_two(
    tmp_path_factory: pytest.TempPathFactory,
    data: TrainingData,
    checkpoints_in: Callable[[Path, list[str]], JobCheckpoints],
) -> FittedHead:
    """Return what two workers make of the `mlp`, left in peace."""
    checkpoints = checkpoints_in(tmp_path_factory.mktemp("jobs") / "1", [])
    return _MADE(_MLP, data, lambda _: None, lambda: False, checkpoints)


def _assert_alike(one: FittedHead, two: FittedHead) -> None:
    """Two fits end with losses within 1e-4 and weights within a relative 1e-3 of each other, after the same steps."""
    assert (one.steps, one.epochs, one.stop_reason) == (two.steps, two.epochs, two.stop_reason)
    assert len(one.history) == len(two.history)
    for own, other in zip(one.history, two.history, strict=True):
        assert own.loss == pytest.approx(other.loss, abs=1e-4)
        assert own.validation_loss == pytest.approx(other.validation_loss, abs=1e-4)
        assert own.validation_accuracy == pytest.approx(other.validation_accuracy, abs=1e-6)
    for layer, mate in zip(one.network.layers, two.network.layers, strict=True):
        for array, its in ((layer.weight, mate.weight), (layer.bias, mate.bias)):
            assert np.linalg.norm(array - its) <= 1e-3 * np.linalg.norm(array)


def test_two_workers_make_the_head_of_one(by_two: FittedHead, data: TrainingData) -> None:
    """Dropout, residual noise, decay and early stopping included: only additions are in another order."""
    _assert_alike(fit(_MLP, data, lambda _: None, lambda: False), by_two)
    other = fit(replace(_MLP, seed=1), data, lambda _: None, lambda: False)
    assert heads.tensors_bytes(other.network) != heads.tensors_bytes(by_two.network)


def test_two_workers_make_the_bits_of_workers_1(
    tmp_path: Path,
    by_two: FittedHead,
    data: TrainingData,
    checkpoints_in: Callable[[Path, list[str]], JobCheckpoints],
) -> None:
    """One worker is the trainer's process, which has set TensorFlow up, working on the same halves of every batch."""
    alone, checkpoints = replace(_MLP, workers=1), checkpoints_in(tmp_path / "1", [])
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=prepare_tensorflow, initargs=(1,)) as trainer:
        one = trainer.submit(_MADE, alone, data, print, bool, checkpoints).result()
    assert heads.tensors_bytes(one.network) == heads.tensors_bytes(by_two.network)
    assert one.history == by_two.history


def test_plain_gradient_steps_are_shared_too(
    tmp_path: Path, data: TrainingData, checkpoints_in: Callable[[Path, list[str]], JobCheckpoints]
) -> None:
    """Batches of an odd number of rows and class weights included."""
    reports: list[Progress] = []
    two = _MADE(_SOFTMAX, data, reports.append, lambda: False, checkpoints_in(tmp_path / "1", []))
    _assert_alike(fit(_SOFTMAX, data, lambda _: None, lambda: False), two)
    assert tuple(reports) == two.history


def test_a_lost_worker_is_told_and_the_next_job_goes_on(
    tmp_path: Path,
    by_two: FittedHead,
    data: TrainingData,
    checkpoints_in: Callable[[Path, list[str]], JobCheckpoints],
) -> None:
    """After kill -9 of one the job fails and names it; created again it ends with the weights of one left in peace."""
    killed: list[int] = []

    def report(progress: Progress) -> None:
        if progress.epoch == 6 and not killed:
            killed.append(_running(tmp_path / "1")[1])
            os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(AbortedError, match=r"worker 1 of 2 .* was ended by signal 9 \(SIGKILL\)") as lost:
        _MADE(_MLP, data, report, lambda: False, checkpoints_in(tmp_path / "1", []))
    assert lost.value.reason == "WORKER_LOST"
    assert f"process {killed[0]}" in lost.value.message
    assert _running(tmp_path / "1") == {}
    notes: list[str] = []
    again = _MADE(_MLP, data, lambda _: None, lambda: False, checkpoints_in(tmp_path / "2", notes))
    assert [note.startswith("goes on from step") for note in notes] == [True]
    assert heads.tensors_bytes(again.network) == heads.tensors_bytes(by_two.network)
    assert again.history == by_two.history


def test_a_fit_that_fails_says_why(
    tmp_path: Path, data: TrainingData, checkpoints_in: Callable[[Path, list[str]], JobCheckpoints]
) -> None:
    """A loss that becomes infinite is no lost worker."""
    wild = replace(_MLP, learning_rate=100.0, weight_decay=100.0)
    with pytest.raises(FailedPreconditionError) as failed:
        _MADE(wild, data, lambda _: None, lambda: False, checkpoints_in(tmp_path / "1", []))
    assert failed.value.reason == "TRAINING_DIVERGED"
    assert _running(tmp_path / "1") == {}


def test_cancelling_ends_the_workers(
    tmp_path: Path, data: TrainingData, checkpoints_in: Callable[[Path, list[str]], JobCheckpoints]
) -> None:
    """No process stays when the job is cancelled in its middle."""
    begun: list[Any] = []
    endless = replace(_SOFTMAX, steps=10_000_000)
    with pytest.raises(CancelledError):
        _MADE(endless, data, begun.append, lambda: bool(begun), checkpoints_in(tmp_path / "1", []))
    assert _running(tmp_path / "1") == {}


def test_other_fits_are_the_trainers_own(data: TrainingData) -> None:
    """A fit that nobody would resume, as those of a cross-validation, is given on as it is."""
    asked: list[Any] = []

    def own(*arguments: Any) -> Any:
        asked.append(arguments)

    made = WorkersFit(own, threads=1)
    made(_MLP, data, print, bool, NO_CHECKPOINTS)
    assert asked == [(_MLP, data, print, bool, NO_CHECKPOINTS)]

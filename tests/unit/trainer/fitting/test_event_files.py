"""Event files for TensorBoard, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer.fitting.event_files import event_files
from trainer.jobs.folders import FolderSettings, JobFolders
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tensorflow


def _scalars(folder: Path) -> list[tuple[str, int, float]]:
    """Return (name, step, value) of each scalar in the event files of a folder."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    found = []
    for file in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(file)):
            event = event_pb2.Event.FromString(record.numpy())
            found += [(each.tag, event.step, float(tf.make_ndarray(each.tensor))) for each in event.summary.value]
    return found


def test_losses_and_accuracy_are_written_by_step(tmp_path: Path) -> None:
    """A run for each phase of the fit; every report is passed on; what was not measured is left out."""
    reports = [
        Progress(Phase.LOADING, 5, 9),
        Progress(Phase.FITTING, 10, 20, 1, 0.75, 0.5, 0.25),
        Progress(Phase.FITTING, 20, 20, 2, 0.5, 0.25, 0.75),
        Progress(Phase.REFITTING, 10, 10, 1, 0.375),
    ]
    told: list[Progress] = []
    with event_files(tmp_path, told.append) as report:
        for each in reports:
            report(each)
    assert told == reports
    assert {path.name for path in tmp_path.iterdir()} == {"fitting", "refitting"}
    assert sorted(_scalars(tmp_path / "fitting")) == [
        ("loss", 10, 0.75),
        ("loss", 20, 0.5),
        ("validation_accuracy", 10, 0.25),
        ("validation_accuracy", 20, 0.75),
        ("validation_loss", 10, 0.5),
        ("validation_loss", 20, 0.25),
    ]
    assert _scalars(tmp_path / "refitting") == [("loss", 10, 0.375)]


def test_nothing_is_written_unless_asked_for(tmp_path: Path) -> None:
    """The setting decides."""
    for tensorboard in (False, True):
        folder = JobFolders(tmp_path / "jobs", FolderSettings("1", tensorboard=tensorboard)).open(1)
        with folder.recorded(lambda _: None) as report:
            report(Progress(Phase.FITTING, 10, 20, 1, 0.75))
        assert (folder.path / "tensorboard" / "fitting").is_dir() == tensorboard

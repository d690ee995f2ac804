"""What a job keeps to go on: its snapshot, its checkpoints, and for how long."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.datasets.snapshots import take_snapshot
from trainer.fitting.checkpoints import Checkpoint
from trainer.jobs import checkpoints as job_checkpoints
from trainer.jobs.folders import CHECKPOINT_FILE, KEPT_EVENT_FILES, FolderSettings, JobFolders

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.catalog.examples import ExampleStore
    from trainer.datasets.snapshots import Snapshot
    from trainer.jobs.folders import JobFolder

FINGERPRINT = b"f" * 16
PLACE = Checkpoint({"step": 120, "phase": "fitting", "loss": 0.1 + 0.2}, {"weight.0": np.arange(6, dtype="f4")})


@pytest.fixture
def snapshot(examples: ExampleStore, faces: str) -> Snapshot:
    """Return the snapshot of the faces."""
    return take_snapshot(examples.all_examples(faces))


@pytest.fixture
def folder(folders: JobFolders, snapshot: Snapshot) -> JobFolder:
    """Return the folder of a job with a snapshot and a checkpoint."""
    folder = folders.open(1)
    folder.keep(snapshot)
    folder.checkpoints(FINGERPRINT, snapshot, lambda _: None).save(PLACE)
    return folder


def _load(folder: JobFolder, fingerprint: bytes, snapshot: Snapshot) -> tuple[Checkpoint | None, list[str]]:
    notes: list[str] = []
    return folder.checkpoints(fingerprint, snapshot, notes.append).load(), notes


def test_a_snapshot_comes_back_as_it_was(folder: JobFolder, snapshot: Snapshot) -> None:
    """Digests, labels, rows, parts and the digest of all."""
    kept = folder.snapshot()
    assert kept is not None
    assert (kept.digests, kept.labels, kept.sha256) == (snapshot.digests, snapshot.labels, snapshot.sha256)
    assert (kept.label_rows == snapshot.label_rows).all()
    assert kept.label_rows.dtype == snapshot.label_rows.dtype
    assert all((kept.parts[part] == rows).all() for part, rows in snapshot.parts.items())


def test_a_checkpoint_comes_back_bit_for_bit(folder: JobFolder, snapshot: Snapshot) -> None:
    """Its numbers too; people are told where it is."""
    found, notes = _load(folder, FINGERPRINT, snapshot)
    assert found is not None
    assert found.state == PLACE.state
    assert found.arrays["weight.0"].tobytes() == PLACE.arrays["weight.0"].tobytes()
    assert notes == []
    assert folder.place() == "step 120 of fitting"


def test_nothing_is_no_checkpoint(folders: JobFolders, snapshot: Snapshot) -> None:
    """A job that was killed before its first one begins again without a word."""
    assert _load(folders.open(2), FINGERPRINT, snapshot) == (None, [])
    assert folders.open(2).snapshot() is None
    assert folders.open(2).place() == "its beginning"


def test_what_a_search_found_is_remembered(folder: JobFolder, snapshot: Snapshot) -> None:
    """For a fit to the same vectors by the same Graft; another one searches again."""
    document = {"chosen": {"kind": "mlp", "learning_rate": 0.1 + 0.2}}
    found = folder.checkpoints(FINGERPRINT, snapshot, lambda _: None)
    assert found.recall("search") is None
    found.remember("search", document)
    assert folder.checkpoints(FINGERPRINT, snapshot, lambda _: None).recall("search") == document
    assert folder.checkpoints(b"g" * 16, snapshot, lambda _: None).recall("search") is None
    (folder.path / "search.safetensors").write_bytes(b"no such file")
    assert found.recall("search") is None


@pytest.mark.parametrize("at", [0, 3, 40, -1])
def test_a_damaged_checkpoint_is_told(folder: JobFolder, snapshot: Snapshot, at: int) -> None:
    """One changed byte anywhere, or an end cut off: the job begins again and says so."""
    file = folder.path / CHECKPOINT_FILE
    whole = bytearray(file.read_bytes())
    for content in (whole[:at] or b"", bytes(whole[:at]) + bytes([whole[at] ^ 1]) + bytes(whole[at:][1:])):
        file.write_bytes(content)
        found, notes = _load(folder, FINGERPRINT, snapshot)
        assert found is None
        assert "damaged" in notes[0]
        assert folder.place() == "its beginning"


def test_a_checkpoint_of_something_else_is_told(
    folder: JobFolder, snapshot: Snapshot, examples: ExampleStore, tmp_path: Path
) -> None:
    """Another trunk, another Graft and another snapshot: the job begins again and says which."""
    found, notes = _load(folder, b"g" * 16, snapshot)
    assert (found, len(notes)) == (None, 1)
    assert "another trunk" in notes[0]
    newer = JobFolders(tmp_path / "jobs", FolderSettings("1.2.4")).open(1)
    found, notes = _load(newer, FINGERPRINT, snapshot)
    assert found is None
    assert "another version of Graft" in notes[0]
    examples.remove_digests("faces", snapshot.digests[:1])
    found, notes = _load(folder, FINGERPRINT, take_snapshot(examples.all_examples("faces")))
    assert found is None
    assert "another snapshot" in notes[0]


def test_a_full_disk_ends_no_job(
    folder: JobFolder, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The last checkpoint stays, and the log says why there is no newer one."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(job_checkpoints, "replace_file", full)
    later = Checkpoint({**PLACE.state, "step": 500}, PLACE.arrays)
    folder.checkpoints(FINGERPRINT, snapshot, lambda _: None).save(later)
    assert "No space left" in caplog.text
    assert folder.place() == "step 120 of fitting"


def test_checkpoints_cost_a_fiftieth_of_the_time(tmp_path: Path, snapshot: Snapshot) -> None:
    """One that took a second is not due again for fifty, however often the setting asks for one."""
    now = [100.0]

    def clock() -> float:
        now[0] += 0.5
        return now[0]

    folder = JobFolders(tmp_path / "slow", FolderSettings("1", every_s=2.0, clock=clock)).open(1)
    folder.keep(snapshot)
    saved = folder.checkpoints(FINGERPRINT, snapshot, lambda _: None)
    assert not saved.due()
    now[0] += 2.0
    assert saved.due()
    saved.save(PLACE)  # half a second by this clock
    now[0] += 20.0
    assert not saved.due()
    now[0] += 5.0
    assert saved.due()


def test_nothing_is_left_of_ended_jobs(folder: JobFolder, folders: JobFolders, tmp_path: Path) -> None:
    """Nor of those that a killed process left, but for event files; of them the newest are kept."""
    folders.end(1)
    assert not folder.path.exists()
    for number in range(1, KEPT_EVENT_FILES + 10):
        path = folders.open(number).path
        (path / "tensorboard" / "fitting").mkdir(parents=True)
        (path / CHECKPOINT_FILE).write_bytes(b"x")
    unfinished = folders.open(3)
    (unfinished.path / ".checkpoint.safetensors.77.tmp").write_bytes(b"half")
    (unfinished.path / "snapshot.safetensors").write_bytes(b"x")
    folders.recover({3})
    kept = {int(path.name): sorted(each.name for each in path.iterdir()) for path in (tmp_path / "jobs").iterdir()}
    assert kept.pop(3) == [CHECKPOINT_FILE, "snapshot.safetensors", "tensorboard"]
    assert sorted(kept) == list(range(10, KEPT_EVENT_FILES + 10))
    assert all(names == ["tensorboard"] for names in kept.values())

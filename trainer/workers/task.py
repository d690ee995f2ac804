"""What the workers are to do, as files in a folder that all of them see.

    task.json                   what is not an array. Without it, or with another `attempt`, workers end
    data.safetensors            vectors float32[n, d], labels int32[n], training int32[t], validation int32[v]
    beat-RANK                   a sign of life of each worker (`trainer.workers.beats`)
    worker-RANK.log             what a worker that the trainer started says
    events-ATTEMPT.jsonl        what the chief tells the trainer (`trainer.workers.events`)
    fitted-ATTEMPT.safetensors  the fitted network, written by the chief (`trainer.workers.fitted`)

The task is written last, so who sees it finds the data whole.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import safetensors.numpy

from graft.durable_files import replace_file
from trainer.fitting.fit import TrainingData

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TASK_FILE: Final = "task.json"
DATA_FILE: Final = "data.safetensors"
_FITTED_FILE: Final = "fitted-{}.safetensors"


@dataclass(frozen=True, slots=True)
class Task:
    """A fit that several workers do.

    Attributes:
        attempt: a word of its own for each time that the trainer begins.
        workers: how many there are.
        threads: that TensorFlow trains with in each; 0 is one for each processor.
        recipe: as `trainer.recipes.to_dict` writes it.
        classes: number of labels.
        checkpoint_file: where the chief leaves checkpoints, relative to the folder.
        origin: of the checkpoints (`trainer.jobs.checkpoints`).
        every_s: seconds between two checkpoints at least.
    """

    attempt: str
    workers: int
    threads: int
    recipe: Mapping[str, Any]
    classes: int
    checkpoint_file: str
    origin: Mapping[str, str]
    every_s: float


def fitted_file(folder: Path, task: Task) -> Path:
    """Return where the chief writes the fitted network."""
    return folder / _FITTED_FILE.format(task.attempt)


def new_attempt() -> str:
    """Return a word that no other attempt has."""
    return secrets.token_hex(8)


def write_task(folder: Path, task: Task, data: TrainingData) -> None:
    """Put a task into a folder, in place of whatever is there.

    Raises:
        OSError: the disk is full or broken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TASK_FILE).unlink(missing_ok=True)
    for left in folder.iterdir():
        left.unlink(missing_ok=True)  # a worker that is left of another attempt may be renaming it
    arrays = {"vectors": data.vectors, "labels": data.labels, "training": data.training, "validation": data.validation}
    safetensors.numpy.save_file(arrays, folder / DATA_FILE)
    replace_file(folder / TASK_FILE, json.dumps(asdict(task)).encode())


def read_task(folder: Path) -> Task | None:
    """Return the task in a folder; None if there is none."""
    try:
        content = (folder / TASK_FILE).read_bytes()
    except FileNotFoundError:
        return None
    return Task(**json.loads(content))


def read_data(folder: Path, task: Task) -> TrainingData:
    """Return what the task's head is fitted to.

    Raises:
        OSError, safetensors.SafetensorError: the file is not there, or no such file.
    """
    arrays = safetensors.numpy.load_file(folder / DATA_FILE)
    return TrainingData(arrays["vectors"], arrays["labels"], arrays["training"], arrays["validation"], task.classes)

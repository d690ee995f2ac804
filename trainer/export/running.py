"""Has an exported network loaded back and run by a process that has nothing of Graft's."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from graft.errors import FailedPreconditionError, InternalError
from trainer.export.children import run_child
from trainer.export.task import ExportFormat

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.export.task import ExportTask
    from trainer.fitting.batches import FloatArray

_LOADER: Final = Path(__file__).with_name("loading_back.py")
_MODEL_FILES: Final = {
    ExportFormat.SAVED_MODEL: "",
    ExportFormat.GRAPH_DEF: "model.pb",
    ExportFormat.TFLITE: "model.tflite",
    ExportFormat.ONNX: "model.onnx",
}


def load_back(task: ExportTask, alive: Callable[[], None]) -> dict[str, FloatArray]:
    """Probabilities of the file, loaded by a process without Graft: `pixels`, and `bytes` where it takes them.

    Raises:
        FailedPreconditionError: EXPORT_DIFFERS, it has other labels.
        InternalError: EXPORT_FAILED.
    """
    output = task.folder / "answers.npz"
    told = {
        "format": task.format,
        "path": str(task.out / _MODEL_FILES[task.format]),
        "pixels": str(task.pixels_file),
        "pictures": str(task.pictures) if task.format.takes_bytes else "",
        "threads": task.threads,
        "output": str(output),
    }
    printed = run_child(
        [sys.executable, "-I", str(_LOADER)],
        json.dumps(told),
        log=task.folder / "loading.log",
        threads=task.threads,
        alive=alive,
    )
    said = json.loads(printed.splitlines()[-1])
    if said["foreign"]:
        raise InternalError(f"the process that loads an export has {said['foreign']}", reason="EXPORT_FAILED")
    if tuple(said["labels"]) != task.labels:
        raise FailedPreconditionError("the exported network tells other labels", reason="EXPORT_DIFFERS")
    with np.load(output, allow_pickle=False) as answers:
        return {name: np.asarray(answers[name], np.float32) for name in answers.files}

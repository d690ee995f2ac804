"""Event files for TensorBoard: the losses and the accuracy of a fit, a run for each of its phases."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trainer.jobs.progress import Progress

_FLUSH_MS = 2000


@contextmanager
def event_files(folder: Path, report: Callable[[Progress], None]) -> Iterator[Callable[[Progress], None]]:
    """Give a `report` that writes event files beside calling the one given.

    Scalars by gradient step: `loss`, `validation_loss` (nats) and `validation_accuracy` (0 to 1), under
    `folder/PHASE`. A fit that goes on from a checkpoint writes the steps after it once more, with the same values.
    """
    import tensorflow as tf
    from tensorflow.core.framework import summary_pb2

    # what `tf.summary.scalar` writes; that function itself is there only where TensorBoard is installed
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars")
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin, data_class=summary_pb2.DATA_CLASS_SCALAR)
    writers: dict[str, Any] = {}

    def recording(progress: Progress) -> None:
        scalars = {
            "loss": progress.loss,
            "validation_loss": progress.validation_loss,
            "validation_accuracy": progress.validation_accuracy,
        }
        known = {name: value for name, value in scalars.items() if value is not None}
        if known:
            if progress.phase not in writers:
                writers[progress.phase] = tf.summary.create_file_writer(
                    str(folder / progress.phase), flush_millis=_FLUSH_MS
                )
            with writers[progress.phase].as_default():
                for name, value in known.items():
                    tf.summary.write(name, tf.constant(value, tf.float32), progress.step, metadata)
        report(progress)

    try:
        yield recording
    finally:
        for writer in writers.values():
            writer.close()

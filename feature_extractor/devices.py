"""What TensorFlow runs on: the GPU if it sees one, with memory growth; else the processor, with a cap on threads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """Where the trunk runs.

    Attributes:
        name: `CPU`, or `GPU` and the model's name.
        gpu: whether it is a GPU.
    """

    name: str
    gpu: bool


def prepare_device(threads: int) -> Device:
    """Set TensorFlow up; must come before anything else is done with it in the process.

    `threads` caps the threads that compute one batch, and the batches computed side by side; 0 leaves both to
    TensorFlow (one a core).
    """
    import tensorflow as tf

    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        return Device("CPU", gpu=False)
    model = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "")
    return Device(f"GPU {model}".strip(), gpu=True)

"""The fitted network on its way from the chief to the trainer: one file in the format of `fitting.checkpoints`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.durable_files import replace_file
from trainer.fitting import checkpoints
from trainer.fitting.checkpoints import Checkpoint
from trainer.fitting.fit import FittedHead
from trainer.jobs.progress import Progress
from trainer.registry import heads

if TYPE_CHECKING:
    from pathlib import Path


def write_fitted(path: Path, fitted: FittedHead) -> None:
    """Write it in one step.

    Raises:
        OSError: the disk is full or broken.
    """
    network = fitted.network
    arrays = {"mean": network.mean, "scale": network.scale}
    for index, layer in enumerate(network.layers):
        arrays[f"weight.{index}"], arrays[f"bias.{index}"] = layer.weight, layer.bias
    state = {
        "activations": [layer.activation for layer in network.layers],
        "steps": fitted.steps,
        "epochs": fitted.epochs,
        "stop_reason": fitted.stop_reason,
        "history": [each.to_dict() for each in fitted.history],
    }
    replace_file(path, checkpoints.to_bytes(Checkpoint(state, arrays)))


def read_fitted(path: Path) -> FittedHead:
    """Return what `write_fitted` wrote.

    Raises:
        OSError: there is no such file.
        ValueError: it is damaged.
    """
    found = checkpoints.from_bytes(path.read_bytes())
    arrays, state = found.arrays, found.state
    layers = tuple(
        heads.Layer(arrays[f"weight.{index}"], arrays[f"bias.{index}"], activation)
        for index, activation in enumerate(state["activations"])
    )
    return FittedHead(
        heads.Network(arrays["mean"], arrays["scale"], layers),
        state["steps"],
        state["epochs"],
        state["stop_reason"],
        tuple(Progress.from_dict(each) for each in state["history"]),
    )

"""Where a trunk runs: what was asked for, what an engine sees, and what is chosen. No engine is imported here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["CPU", "GPU", "TPU"]

_ASKED = re.compile(r"(auto|cpu|gpu)(?::(\d{1,3}))?")
_BFLOAT16_SINCE = (8, 0)  # NVIDIA's compute capability from which on tensor cores multiply bfloat16 (Ampere)
_GPUS_SEEN = "CUDA_VISIBLE_DEVICES"
# While one is computed, the next one's pixels travel to the accelerator. A processor's threads wait for each other
# less, but each batch takes twice as long.
_BATCHES_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device as asked for.

    Attributes:
        kind: `auto`, `cpu` or `gpu`.
        index: which GPU, counted from 0 among those that the process may see.
    """

    kind: Literal["auto", "cpu", "gpu"]
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.kind == "gpu" and self.index else self.kind


@dataclass(frozen=True, slots=True)
class SeenDevice:
    """A device that an engine finds.

    Attributes:
        kind: what it is.
        model: its maker's name for it; empty if unknown.
        capability: a GPU's compute capability, e.g. (9, 0); None if unknown.
    """

    kind: Kind
    model: str = ""
    capability: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """Where the trunk runs.

    Attributes:
        kind: what it is.
        model: its maker's name for it; empty for the processor.
        native_bfloat16: whether it multiplies bfloat16 itself.
        fallback: whether it is the processor in place of a GPU that was asked for.
    """

    kind: Kind
    model: str = ""
    native_bfloat16: bool = False
    fallback: bool = False

    @property
    def name(self) -> str:
        """`CPU`, or the kind and the model."""
        return f"{self.kind} {self.model}".strip()

    @property
    def accelerated(self) -> bool:
        """Whether pictures have to travel to it."""
        return self.kind != "CPU"

    @property
    def concurrency(self) -> int:
        """Batches worth running side by side."""
        return _BATCHES_AT_ONCE if self.accelerated else 1

    @property
    def reserve(self) -> int:
        """Batches more that are worth it while many pictures wait that must not be kept waiting."""
        return _BATCHES_AT_ONCE - self.concurrency


def parse_device(asked: str) -> DeviceRequest:
    """`auto`, `cpu`, `gpu` or `gpu:N`.

    Raises:
        InvalidArgumentError: UNKNOWN_DEVICE.
    """
    match = _ASKED.fullmatch(asked)
    if match is None or (match[2] and match[1] != "gpu"):
        raise InvalidArgumentError(
            f"there is no device {asked!r}; choose auto, cpu, gpu, or gpu:N for one of several", reason="UNKNOWN_DEVICE"
        )
    kind: Literal["auto", "cpu", "gpu"] = "cpu" if match[1] == "cpu" else "gpu" if match[1] == "gpu" else "auto"
    return DeviceRequest(kind, int(match[2] or 0))


def environment_for(request: DeviceRequest, current: Mapping[str, str]) -> dict[str, str]:
    """The variables to set before an engine is imported, so that this process sees one GPU and no other, or none.

    What was hidden from the process before stays hidden: with CUDA_VISIBLE_DEVICES=2,3 `gpu:1` is the machine's 3.
    Memory is taken as it is needed, so that other processes can use the same GPU.
    """
    if request.kind == "cpu":
        return {_GPUS_SEEN: "-1", "JAX_PLATFORMS": "cpu"}
    growth = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    if _GPUS_SEEN not in current:
        return growth | {_GPUS_SEEN: str(request.index)}
    seen = [name.strip() for name in current[_GPUS_SEEN].split(",") if name.strip()]
    if "-1" in seen:  # CUDA reads the list up to the first entry that is none
        seen = seen[: seen.index("-1")]
    return growth | {_GPUS_SEEN: seen[request.index] if request.index < len(seen) else "-1"}


def choose_device(
    request: DeviceRequest,
    seen: Sequence[SeenDevice],
    *,
    engine: str,
    cpu_fallback: bool,
    processor_bfloat16: bool,
) -> Device:
    """The device to run on, of those that the engine sees: `auto` takes a GPU, a TPU or the processor, in that order.

    Raises:
        FailedPreconditionError: DEVICE_UNAVAILABLE, a GPU is asked for, none is seen, and the processor will not do.
    """
    processor = Device("CPU", native_bfloat16=processor_bfloat16)
    gpu = next((device for device in seen if device.kind == "GPU"), None)
    if request.kind != "cpu" and gpu is not None:
        capable = gpu.capability is not None and gpu.capability >= _BFLOAT16_SINCE
        return Device("GPU", gpu.model, native_bfloat16=capable)
    if request.kind == "cpu":
        return processor
    if request.kind == "auto":
        tpu = next((device for device in seen if device.kind == "TPU"), None)
        return processor if tpu is None else Device("TPU", tpu.model, native_bfloat16=True)
    if cpu_fallback:
        return Device("CPU", native_bfloat16=processor_bfloat16, fallback=True)
    raise FailedPreconditionError(
        f"the device {request} was asked for, but {engine} finds no such GPU here. Look at nvidia-smi, at "
        f"{_GPUS_SEEN} and at the engine's CUDA packages; or ask for --device cpu, or allow the processor in its "
        "place with --cpu-fallback",
        reason="DEVICE_UNAVAILABLE",
    )

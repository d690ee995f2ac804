"""Devices: what is asked for and what is seen decide where a trunk runs."""

from __future__ import annotations

import pytest

from feature_extractor.trunks.devices import (
    Device,
    DeviceRequest,
    SeenDevice,
    choose_device,
    environment_for,
    parse_device,
)
from feature_extractor.trunks.engines.jax_engine import _seen
from feature_extractor.trunks.engines.tensorflow_engine import TensorFlowEngine
from graft.errors import FailedPreconditionError, InvalidArgumentError

CPU = SeenDevice("CPU")
T4 = SeenDevice("GPU", "Tesla T4", (7, 5))
A100 = SeenDevice("GPU", "NVIDIA A100", (8, 0))
TPU = SeenDevice("TPU", "TPU v5e")


def choose(asked: str, *seen: SeenDevice, cpu_fallback: bool = False) -> Device:
    """The choice on a processor without bfloat16."""
    return choose_device(
        parse_device(asked), seen, engine="tensorflow", cpu_fallback=cpu_fallback, processor_bfloat16=False
    )


@pytest.mark.parametrize(
    ("asked", "request_", "spelt"),
    [
        ("auto", DeviceRequest("auto"), "auto"),
        ("cpu", DeviceRequest("cpu"), "cpu"),
        ("gpu", DeviceRequest("gpu"), "gpu"),
        ("gpu:12", DeviceRequest("gpu", 12), "gpu:12"),
    ],
)
def test_devices_are_named(asked: str, request_: DeviceRequest, spelt: str) -> None:
    """Each way to ask is understood, and said again in an error."""
    assert parse_device(asked) == request_
    assert str(request_) == spelt


@pytest.mark.parametrize("asked", ["", "GPU", "cuda:0", "cpu:1", "auto:0", "gpu:", "gpu:-1", "gpu:1000"])
def test_unknown_device(asked: str) -> None:
    """Anything else is refused with what there is."""
    with pytest.raises(InvalidArgumentError, match="auto, cpu, gpu, or gpu:N") as caught:
        parse_device(asked)
    assert caught.value.reason == "UNKNOWN_DEVICE"


def test_auto_takes_the_best_that_is_seen() -> None:
    """A GPU, else a TPU, else the processor; bfloat16 from compute capability 8.0 on."""
    assert choose("auto", CPU) == Device("CPU")
    assert choose("auto", T4, CPU) == Device("GPU", "Tesla T4", native_bfloat16=False)
    assert choose("auto", A100, T4, CPU) == Device("GPU", "NVIDIA A100", native_bfloat16=True)
    assert choose("auto", TPU) == Device("TPU", "TPU v5e", native_bfloat16=True)
    assert choose("auto", SeenDevice("GPU", "of unknown age")).native_bfloat16 is False


def test_a_device_asked_for_is_taken_or_refused() -> None:
    """The processor although there is a GPU; no processor in place of a GPU, however there came to be none."""
    assert choose("cpu", A100, CPU) == Device("CPU")
    assert choose("gpu:1", A100, CPU).name == "GPU NVIDIA A100"
    for seen in ((CPU,), (TPU,), ()):
        with pytest.raises(FailedPreconditionError, match="gpu:1 was asked for, but tensorflow finds no") as caught:
            choose("gpu:1", *seen)
        assert caught.value.reason == "DEVICE_UNAVAILABLE"


def test_a_fallback_is_allowed_and_told() -> None:
    """With permission the processor serves, and only then is it called a fallback."""
    assert choose("gpu", CPU, cpu_fallback=True) == Device("CPU", fallback=True)
    assert choose("gpu", A100, cpu_fallback=True).fallback is False
    assert choose("auto", CPU, cpu_fallback=True).fallback is False


def test_two_batches_run_at_once_where_pictures_travel() -> None:
    """On an accelerator one batch is brought while another is computed; a processor does so only under a backlog."""
    assert [Device(kind).concurrency for kind in ("CPU", "GPU", "TPU")] == [1, 2, 2]
    assert [Device(kind).reserve for kind in ("CPU", "GPU", "TPU")] == [1, 0, 0]


@pytest.mark.parametrize(
    ("asked", "current", "visible"),
    [
        ("gpu", {}, "0"),
        ("auto", {}, "0"),
        ("gpu:3", {}, "3"),
        ("gpu", {"CUDA_VISIBLE_DEVICES": "2,3"}, "2"),
        ("gpu:1", {"CUDA_VISIBLE_DEVICES": "2, 3"}, "3"),
        ("gpu:1", {"CUDA_VISIBLE_DEVICES": "GPU-4f,GPU-77"}, "GPU-77"),
        ("gpu:2", {"CUDA_VISIBLE_DEVICES": "2,3"}, "-1"),
        ("auto", {"CUDA_VISIBLE_DEVICES": ""}, "-1"),
        ("gpu", {"CUDA_VISIBLE_DEVICES": "-1"}, "-1"),
        ("gpu:1", {"CUDA_VISIBLE_DEVICES": "0,-1,1"}, "-1"),
        ("cpu", {"CUDA_VISIBLE_DEVICES": "2"}, "-1"),
    ],
)
def test_one_gpu_is_seen(asked: str, current: dict[str, str], visible: str) -> None:
    """The one asked for, among those that the process was allowed; none for the processor."""
    assert environment_for(parse_device(asked), current)["CUDA_VISIBLE_DEVICES"] == visible


def test_memory_is_taken_as_needed() -> None:
    """Neither engine takes a whole GPU at its start, and JAX looks for none if the processor is asked for."""
    variables = environment_for(parse_device("gpu"), {})
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert variables["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert environment_for(parse_device("cpu"), {})["JAX_PLATFORMS"] == "cpu"


class JaxDevice:
    """What JAX says of a device."""

    def __init__(self, platform: str, kind: str, **more: str) -> None:
        self.platform = platform
        self.device_kind = kind
        vars(self).update(more)


def test_jax_devices_are_understood() -> None:
    """CUDA's tell their compute capability, others none."""
    assert _seen(JaxDevice("cpu", "cpu")) == CPU
    assert _seen(JaxDevice("tpu", "TPU v5e")) == TPU
    assert _seen(JaxDevice("gpu", "NVIDIA A100", compute_capability="8.0")) == A100
    assert _seen(JaxDevice("gpu", "AMD", compute_capability="gfx90a")) == SeenDevice("GPU", "AMD")


@pytest.mark.tensorflow
@pytest.mark.parametrize(("usable", "expected"), [([], [CPU]), (["/device:GPU:0"], [T4, CPU])])
def test_a_gpu_that_tensorflow_will_not_use_is_not_seen(
    monkeypatch: pytest.MonkeyPatch, usable: list[str], expected: list[SeenDevice]
) -> None:
    """It lists the devices there are, and ignores those that are too old: a trunk would run on the processor unsaid."""
    import tensorflow as tf

    growing: list[str] = []
    details = {"device_name": T4.model, "compute_capability": T4.capability}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"] if kind == "GPU" else [])
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: usable if growing and kind == "GPU" else None)
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda device, _: growing.append(device))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: details)
    assert list(TensorFlowEngine().devices(0)) == expected

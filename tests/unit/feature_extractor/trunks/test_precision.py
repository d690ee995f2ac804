"""The choice of precision."""

from __future__ import annotations

import pytest

from feature_extractor.trunks.devices import Device
from feature_extractor.trunks.precision import choose_precision, multiplies_bfloat16, saturates_8_bit
from graft.errors import FailedPreconditionError, InvalidArgumentError

OLD_CPU, NEW_CPU = Device("CPU"), Device("CPU", native_bfloat16=True)
OLD_GPU, NEW_GPU = Device("GPU", "Tesla T4"), Device("GPU", "H100", native_bfloat16=True)


@pytest.mark.parametrize(
    ("cpuinfo", "native"),
    [
        ("processor: 0\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags : amx_bf16 amx_tile", True),
        ("flags : fpu avx2\nbugs : avx512_bf16", False),
        ("Features : bf16", False),
        ("", False),
    ],
)
def test_native_bfloat16_is_read_from_the_flags(cpuinfo: str, native: bool) -> None:  # noqa: FBT001  # pytest passes it
    """Only the processor's own flags count."""
    assert multiplies_bfloat16(cpuinfo) is native


def test_auto_takes_what_the_device_is_made_for() -> None:
    """bfloat16 where it is native and faster, float32 elsewhere; what is asked for by name wins."""
    assert choose_precision("auto", NEW_CPU) == "bfloat16"
    assert choose_precision("auto", OLD_CPU) == "float32"
    assert choose_precision("auto", NEW_GPU) == "bfloat16"
    assert choose_precision("auto", OLD_GPU) == "float32"
    assert choose_precision("auto", NEW_CPU, bfloat16_pays_on_cpu=False) == "float32"
    assert choose_precision("auto", NEW_GPU, bfloat16_pays_on_cpu=False) == "bfloat16"
    assert choose_precision("bfloat16", NEW_CPU, bfloat16_pays_on_cpu=False) == "bfloat16"
    assert choose_precision("float32", NEW_GPU) == "float32"


@pytest.mark.parametrize(("device", "why"), [(OLD_CPU, "avx512_bf16"), (OLD_GPU, "the GPU Tesla T4 does not")])
def test_bfloat16_is_never_emulated(device: Device, why: str) -> None:
    """Asked for where it is not native, bfloat16 is refused with the reason and the way out."""
    with pytest.raises(FailedPreconditionError, match=f"{why}.*--precision float32") as caught:
        choose_precision("bfloat16", device)
    assert caught.value.reason == "PRECISION_UNSUPPORTED"


def test_unknown_precision() -> None:
    """A misspelt precision is refused with those there are."""
    with pytest.raises(InvalidArgumentError, match="auto, float32, bfloat16 or int8"):
        choose_precision("fp16", NEW_CPU)


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512bw\n", True),
        ("flags\t\t: fpu avx2 avx_vnni\n", False),
        ("flags\t\t: fpu avx512f avx512_vnni\n", False),
        ("Features\t: fp asimd\n", False),
        ("", False),
    ],
)
def test_who_may_saturate_8_bit_sums(cpuinfo: str, expected: bool) -> None:  # noqa: FBT001  # pytest passes it
    """x86 without 8-bit dot products; nothing is said of others."""
    assert saturates_8_bit(cpuinfo) is expected

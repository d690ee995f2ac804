"""The choice of precision."""

from __future__ import annotations

import pytest

from feature_extractor.precision import choose_precision, multiplies_bfloat16
from graft.errors import FailedPreconditionError, InvalidArgumentError


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


def test_auto_takes_what_the_machine_is_made_for() -> None:
    """bfloat16 where it is native, float32 elsewhere and on a GPU."""
    assert choose_precision("auto", native_bfloat16=True, gpu=False) == "bfloat16"
    assert choose_precision("auto", native_bfloat16=False, gpu=False) == "float32"
    assert choose_precision("auto", native_bfloat16=True, gpu=True) == "float32"
    assert choose_precision("float32", native_bfloat16=True, gpu=False) == "float32"


@pytest.mark.parametrize(("native", "gpu"), [(False, False), (True, True)])
def test_bfloat16_is_never_emulated(native: bool, gpu: bool) -> None:  # noqa: FBT001  # pytest passes them
    """Asked for where it is not native, bfloat16 is refused with the way out."""
    with pytest.raises(FailedPreconditionError, match="--precision float32") as caught:
        choose_precision("bfloat16", native_bfloat16=native, gpu=gpu)
    assert caught.value.reason == "PRECISION_UNSUPPORTED"


def test_unknown_precision() -> None:
    """A misspelt precision is refused with those there are."""
    with pytest.raises(InvalidArgumentError, match="auto, float32 or bfloat16"):
        choose_precision("fp16", native_bfloat16=True, gpu=False)

"""What the convolutions multiply in: float32, bfloat16 where the device does so natively, or int8 in a quantised trunk.

Measured on two Zen 4 cores: bfloat16 is 1.9 times the pictures a second; docs/engines.md tells how near it stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from feature_extractor.trunks.devices import Device

FLOAT32 = "float32"
BFLOAT16 = "bfloat16"
INT8 = "int8"
AUTO = "auto"
PRECISIONS = (AUTO, FLOAT32, BFLOAT16, INT8)

_NATIVE_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
_EXACT_8_BIT_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
_CPUINFO = Path("/proc/cpuinfo")


def multiplies_bfloat16(cpuinfo: str) -> bool:
    """Whether the text of /proc/cpuinfo is of a processor with bfloat16 multiplication (AVX-512 or AMX)."""
    return not _NATIVE_FLAGS.isdisjoint(_flags(cpuinfo))


def saturates_8_bit(cpuinfo: str) -> bool:
    """Whether it is of an x86 processor whose sums of 8-bit products may be cut off at 16 bits."""
    flags = _flags(cpuinfo)
    return bool(flags) and _EXACT_8_BIT_FLAGS.isdisjoint(flags)


def processor_multiplies_bfloat16() -> bool:
    """Whether this machine's processor does; no where the kernel does not say, as outside Linux."""
    return multiplies_bfloat16(_cpuinfo())


def processor_saturates_8_bit() -> bool:
    """Whether this machine's processor may; no where the kernel does not say."""
    return saturates_8_bit(_cpuinfo())


def _flags(cpuinfo: str) -> list[str]:
    """What the first processor can do, as x86 kernels say it; empty for others."""
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return next((flags.split() for name, _, flags in lines if name.strip() == "flags"), [])


def _cpuinfo() -> str:
    try:
        return _CPUINFO.read_text(errors="replace")
    except OSError:
        return ""


def check_precision(asked: str) -> None:
    """Raise InvalidArgumentError, reason UNKNOWN_PRECISION, unless there is such a precision."""
    if asked not in PRECISIONS:
        raise InvalidArgumentError(
            f"there is no precision {asked!r}; choose {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}",
            reason="UNKNOWN_PRECISION",
        )


def choose_precision(asked: str, device: Device, *, bfloat16_pays_on_cpu: bool = True) -> str:
    """The precision to run a network of float32 weights in; int8 is not among them, its weights are others.

    `auto` is bfloat16 where the device multiplies it natively, but on a processor only with an engine that gains by it.

    Raises:
        InvalidArgumentError: UNKNOWN_PRECISION.
        FailedPreconditionError: PRECISION_UNSUPPORTED, bfloat16 asked for (or recorded) where it would be emulated.
    """
    check_precision(asked)
    if asked == AUTO:
        gains = device.native_bfloat16 and (device.accelerated or bfloat16_pays_on_cpu)
        return BFLOAT16 if gains else FLOAT32
    if asked == BFLOAT16 and not device.native_bfloat16:
        if device.accelerated:
            where, remedy = f"the {device.name} does not multiply it", "run on another device (--device)"
        else:
            where = "this processor has neither avx512_bf16 nor amx_bf16"
            remedy = "run on a processor that has one of them"
        raise FailedPreconditionError(
            f"the trunk was asked for, or recorded, in bfloat16, but {where}. Ask for --precision float32 (its vectors "
            f"have another fingerprint, so features are computed and heads are trained anew), or {remedy}",
            reason="PRECISION_UNSUPPORTED",
        )
    return asked

"""The user's pictures for a quantisation, decoded: which are calibrated on and which are held out."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from feature_extractor.decoding.images import DecodeLimits, decode
from graft.client.folders import picture_files
from graft.errors import FailedPreconditionError, GraftError, InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

HELD_OUT_SHARE = 5  # at least one picture in five is not calibrated on
MOST_HELD_OUT = 300
FEWEST_PICTURES = 10
_SEED = 0


@dataclass(frozen=True, slots=True)
class Pictures:
    """Decoded pictures, no two of the same bytes; the first `calibrating` are calibrated on, the others held out.

    Attributes:
        pixels: uint8[n, 299, 299, 3].
        labels: n; the name of the folder's subfolder that the picture is in, empty if in none.
        digests: n; SHA-256 of the files' bytes.
        calibrating: how many are calibrated on.
        skipped: what could not be read, and why.
    """

    pixels: NDArray[np.uint8]
    labels: tuple[str, ...]
    digests: tuple[bytes, ...]
    calibrating: int
    skipped: tuple[str, ...]

    @property
    def calibration_sha256(self) -> str:
        """SHA-256 over the sorted digests of the pictures calibrated on."""
        return hashlib.sha256(b"".join(sorted(self.digests[: self.calibrating]))).hexdigest()


@dataclass(frozen=True, slots=True)
class _Picture:
    """One file that was read."""

    label: str
    digest: bytes
    pixels: NDArray[np.uint8]


def read_pictures(folder: Path, calibrating: int, limits: DecodeLimits) -> Pictures:
    """Draw pictures from a folder at random, the same at each run: `calibrating` of them and up to 300 to hold out.

    Raises:
        InvalidArgumentError: NOT_A_FOLDER.
        FailedPreconditionError: TOO_FEW_PICTURES.
    """
    if not folder.is_dir():
        raise InvalidArgumentError(f"{folder} is not a folder", reason="NOT_A_FOLDER")
    paths = list(picture_files(folder))
    order = np.random.default_rng(_SEED).permutation(len(paths))
    wanted = calibrating + min(MOST_HELD_OUT, len(paths))
    found: dict[bytes, _Picture] = {}
    skipped: list[str] = []
    for each in _read([paths[i] for i in order], folder, limits):
        if isinstance(each, str):
            skipped.append(each)
        else:
            found.setdefault(each.digest, each)
        if len(found) == wanted:
            break
    if len(found) < FEWEST_PICTURES:
        reasons = "".join(f"; {text}" for text in skipped[:3])
        raise FailedPreconditionError(
            f"{folder} holds {len(found)} different pictures that can be read, a quantisation needs at least "
            f"{FEWEST_PICTURES}, and some hundreds to be good{reasons}",
            reason="TOO_FEW_PICTURES",
        )
    pictures = list(found.values())
    return Pictures(
        pixels=np.stack([each.pixels for each in pictures]),
        labels=tuple(each.label for each in pictures),
        digests=tuple(each.digest for each in pictures),
        calibrating=calibration_count(len(pictures), calibrating),
        skipped=tuple(skipped),
    )


def calibration_count(count: int, wanted: int) -> int:
    """How many of `count` pictures to calibrate on: as many as wanted, unless that leaves too few to measure with."""
    return min(wanted, count - max(1, count // HELD_OUT_SHARE))


def _read(paths: Sequence[Path], folder: Path, limits: DecodeLimits) -> Iterator[_Picture | str]:
    """The files in order, decoded side by side, a few ahead; a sentence instead of what cannot be read."""

    def read(path: Path) -> _Picture | str:
        name = path.relative_to(folder)
        try:
            content = path.read_bytes()
            pixels = decode(content, limits).pixels
        except GraftError as error:
            return f"{name}: {error.message}"
        except OSError as error:
            return f"{name}: {error.strerror or error}"
        label = name.parts[0] if len(name.parts) > 1 else ""
        return _Picture(label, hashlib.sha256(content).digest(), pixels)

    with ThreadPoolExecutor(thread_name_prefix="decode") as pool:
        ahead = 32
        for start in range(0, len(paths), ahead):
            yield from pool.map(read, paths[start : start + ahead])

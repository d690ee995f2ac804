"""Pictures cut short: completed with grey where the caller allows it, for that picture alone."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from PIL import ImageFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_GREY = 128  # as libjpeg itself puts where a JPEG ends early

_GREY_OF: dict[str, float | tuple[float, ...]] = {
    "L": _GREY,
    "LA": (_GREY, 255),
    "RGB": (_GREY, _GREY, _GREY),
    "RGBA": (_GREY, _GREY, _GREY, 255),
    "RGBX": (_GREY, _GREY, _GREY, 255),
    "YCbCr": (_GREY, _GREY, _GREY),
    "CMYK": (0, 0, 0, 255 - _GREY),
    "I;16": _GREY * 257,
    "I;16B": _GREY * 257,
}


class _ForgivingThreads(threading.local):
    """Stands for Pillow's process-wide LOAD_TRUNCATED_IMAGES; true in the threads that are being lenient just now."""

    forgiving = False

    def __bool__(self) -> bool:
        return self.forgiving


_forgiving_threads = _ForgivingThreads()
# Pillow asks for no more than the truth of this variable, each time it meets the end of a file.
ImageFile.LOAD_TRUNCATED_IMAGES = _forgiving_threads  # type: ignore[assignment]  # a bool would be every thread's


@contextlib.contextmanager
def forgiven() -> Iterator[None]:
    """Let this thread, and no other, load pictures that are cut short."""
    _forgiving_threads.forgiving = True
    try:
        yield
    finally:
        _forgiving_threads.forgiving = False


def lay_out_grey(image: ImageFile.ImageFile) -> None:
    """Have a picture loaded onto a grey ground, so that what its decoder never reaches stays grey.

    Modes without a grey of their own (palettes, bilevel, 32 bits) keep Pillow's ground, their value 0; a GIF keeps the
    background it names.
    """
    grey = _GREY_OF.get(image.mode)
    if grey is None or image.format == "GIF":
        return
    prepare = image.load_prepare

    def prepare_in_grey() -> None:
        prepare()
        image.im.paste(grey, (0, 0, *image.im.size))

    image.load_prepare = prepare_in_grey  # type: ignore[method-assign]  # Pillow's hook, for this one picture

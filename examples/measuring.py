"""Latency of single recognitions, as a caller of the gateway sees it."""

from __future__ import annotations

import io
import random
import statistics
import time
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from graft.client import Client

_WARM_UP = 3


def latency_ms(client: Client, classifier: str, pictures: Sequence[bytes]) -> float:
    """Return the median milliseconds of recognising one picture a call, the first few calls left out."""
    taken: list[float] = []
    for content in pictures:
        started = time.perf_counter()
        (result,) = client.classify(classifier, [content], top_k=1)
        taken.append((time.perf_counter() - started) * 1000)
        if result.error:
            raise result.error
    return round(statistics.median(taken[_WARM_UP:]), 2)


def unseen_pictures(paths: Iterable[Path], count: int) -> list[bytes]:
    """Return variants of photographs that no cache can hold: shifted by some pixels at random, encoded anew."""
    draw = random.Random()  # noqa: S311 - chance, not secrecy: every run shall make others
    made: list[bytes] = []
    for path in list(paths)[:count]:
        with Image.open(path) as picture:
            left, top = draw.randint(0, 5), draw.randint(0, 5)
            shifted = picture.crop((left, top, picture.width - draw.randint(0, 5), picture.height - draw.randint(0, 5)))
            content = io.BytesIO()
            shifted.save(content, "JPEG", quality=draw.randint(70, 95), comment=draw.randbytes(8).hex())
        made.append(content.getvalue())
    return made

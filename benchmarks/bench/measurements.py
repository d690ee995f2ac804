"""The single measurements of the pipeline, each through the gateway, as a client sees it."""

from __future__ import annotations

import hashlib
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from graft.client import Client, LabelledPicture

if TYPE_CHECKING:
    from collections.abc import Callable

Figure = tuple[str, float, str]
"""What was measured, its value, its unit."""

CALLERS = 16
NAME = "bench"
_WARM_UP = 3


def per_second(count: int, seconds: float) -> float:
    """Return items a second."""
    return count / seconds


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that some work took, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def p50_ms(call: Callable[[bytes], Any], contents: list[bytes]) -> float:
    """Return the median milliseconds of a call, one after another, the first few left out."""
    taken = [timed(partial(call, content))[0] * 1000 for content in contents]
    return statistics.median(taken[_WARM_UP:])


def computed_by_callers(client: Client, contents: list[bytes]) -> tuple[Figure, int]:
    """Measure 16 callers with one picture a call; return also how many pictures the trunk computed for them."""
    before = client.cache_stats().computed
    with ThreadPoolExecutor(CALLERS) as callers:
        seconds, answers = timed(lambda: list(callers.map(lambda content: client.extract([content])[0], contents)))
    _refuse_errors(answers)
    figure = (f"service, {CALLERS} callers, one picture a call", per_second(len(contents), seconds), "pictures/s")
    return figure, client.cache_stats().computed - before


def vectors(client: Client, known: list[bytes], others: list[bytes]) -> list[Figure]:
    """Measure the stream on pictures that are not cached and on some that are, and the look-up of vectors."""
    new, answers = timed(lambda: list(client.extract_stream(others)))
    _refuse_errors(answers)
    again = known * 8
    cached, answers = timed(lambda: list(client.extract_stream(again)))
    _refuse_errors(answers)
    digests = [hashlib.sha256(content).digest() for content in known] * 100
    looked_up, found = timed(lambda: client.lookup(digests))
    if len(found.matrix) != len(digests):
        raise SystemExit(f"{len(found.missing)} vectors were missing")
    return [
        ("service, stream, 64 a message", per_second(len(others), new), "pictures/s"),
        ("service, stream, 64 a message, cached", per_second(len(again), cached), "pictures/s"),
        ("service, look-up of vectors", per_second(len(digests), looked_up), "vectors/s"),
    ]


def training(client: Client, contents: list[bytes]) -> Figure:
    """Measure from the creation of a job on cached vectors to the moment its head is served."""
    client.create_dataset(NAME, exist_ok=True)
    pictures = (LabelledPicture(f"class {index % 4}", each, f"{index}.jpg") for index, each in enumerate(contents))
    client.import_examples(NAME, pictures)
    started = time.perf_counter()
    job = client.train(NAME)
    for _ in client.watch(job.job_id):
        pass
    while not client.heads().heads:
        pass  # one round trip a turn
    seconds = time.perf_counter() - started
    return (f"job on {len(contents)} cached vectors, until served", seconds, "s")


def recognition(client: Client, known: list[bytes], new: list[bytes]) -> list[Figure]:
    """Measure one picture a call through the gateway, never seen and cached."""

    def classify(content: bytes) -> None:
        _refuse_errors(client.classify(NAME, [content], top_k=1))

    return [
        ("recognise, new picture, p50", p50_ms(classify, new), "ms"),
        ("recognise, cached picture, p50", p50_ms(classify, known), "ms"),
    ]


def _refuse_errors(answers: list[Any]) -> None:
    for answer in answers:
        if answer.error:
            raise answer.error

"""The single measurements of the pipeline, each through the gateway, as a client sees it."""

from __future__ import annotations

import hashlib
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.rates import closed_loop_rate
from graft.client import Client, JobState, LabelledPicture

if TYPE_CHECKING:
    from collections.abc import Callable

Figure = tuple[str, float, str]
"""What was measured, its value, its unit."""

CALLERS = 16
NAME = "bench"
_WARM_UP = 3
_SERVED_WITHIN_S, _POLL_S = 60.0, 0.01


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that some work took, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def p50_ms(call: Callable[[bytes], Any], contents: list[bytes]) -> float:
    """Return the median milliseconds of a call, one after another, the first few left out."""
    taken = [timed(partial(call, content))[0] * 1000 for content in contents]
    return statistics.median(taken[_WARM_UP:])


@dataclass(frozen=True, slots=True)
class Rate:
    """Pictures a second, and what tells whether they may be compared with others.

    Attributes:
        what: what was measured.
        value: pictures a second.
        pictures: how many were answered.
        computed: how many the trunk computed meanwhile.
    """

    what: str
    value: float
    pictures: int
    computed: int

    @property
    def figure(self) -> Figure:
        """As a row of the table."""
        return self.what, self.value, "pictures/s"


def callers(client: Client, contents: list[bytes]) -> Rate:
    """Measure 16 callers with one picture a call, each between two of its own answers, as the trunk alone is."""
    before = client.cache_stats().computed
    waiting = iter(contents)

    def caller(_: int) -> list[float]:
        ends = []
        for content in waiting:  # each picture goes to one caller
            _refuse_errors(client.extract([content]))
            ends.append(time.perf_counter())
        return ends

    with ThreadPoolExecutor(CALLERS) as pool:
        rate = closed_loop_rate(list(pool.map(caller, range(CALLERS))))
    computed = client.cache_stats().computed - before
    return Rate(f"service, {CALLERS} callers, one picture a call", rate, len(contents), computed)


def stream(client: Client, what: str, contents: list[bytes]) -> Rate:
    """Measure one stream of 64 pictures a message, from its first message to its last answer."""
    before = client.cache_stats().computed
    seconds, answers = timed(lambda: list(client.extract_stream(contents)))
    _refuse_errors(answers)
    return Rate(what, len(contents) / seconds, len(contents), client.cache_stats().computed - before)


def look_up(client: Client, known: list[bytes]) -> Figure:
    """Measure the look-up of vectors by digest."""
    digests = [hashlib.sha256(content).digest() for content in known] * 100
    seconds, found = timed(lambda: client.lookup(digests))
    if len(found.matrix) != len(digests):
        raise SystemExit(f"{len(found.missing)} vectors were missing")
    return "service, look-up of vectors", len(digests) / seconds, "vectors/s"


def training(client: Client, contents: list[bytes], within_s: float = _SERVED_WITHIN_S) -> Figure:
    """Measure from the creation of a job on cached vectors to the moment its head is served, to within some 10 ms.

    Raises:
        SystemExit: pictures were refused, the job did not succeed, or no head is served after so many seconds.
    """
    client.create_dataset(NAME, exist_ok=True)
    pictures = (LabelledPicture(f"class {index % 4}", each, f"{index}.jpg") for index, each in enumerate(contents))
    report = client.import_examples(NAME, pictures)
    if report.added != len(contents):
        raise SystemExit(f"{report.added} of {len(contents)} pictures were imported: {report.refused}")
    started = time.perf_counter()
    job = client.train(NAME)
    while not (job.ended and _serves(client, job.version)):
        if time.perf_counter() - started >= within_s:
            raise SystemExit(f"no head is served after {within_s:.0f} s; the job is {job.state}")
        time.sleep(_POLL_S)  # rather than watching the job, which has no end if the trainer hangs
        job = client.job(job.job_id)
        if job.ended and job.state is not JobState.SUCCEEDED:
            raise SystemExit(f"the job has {job.state}: {job.error}")
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


def _serves(client: Client, version: int) -> bool:
    return (NAME, version) in {(each.classifier, each.version) for each in client.heads().heads}


def _refuse_errors(answers: list[Any]) -> None:
    for answer in answers:
        if answer.error:
            raise answer.error

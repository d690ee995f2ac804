"""The load on the peers: callers that wait for their answers, each with a connection of its own, JPEG up, JSON down."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.answers import WrongAnswerError
from bench.rates import closed_loop_rate
from bench.shares import Share

if TYPE_CHECKING:
    from bench.supply import Supply

_BOUNDARY = "0f6d1c1e7a3b"
_HEADERS = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
_TIMEOUT_S = 300


def http(supply: Supply, address: str, path: str, field: str, callers: int, seconds: float) -> dict[str, Any]:
    """So many callers, one picture a call, each sending the next when the last is answered."""
    end = time.perf_counter() + seconds
    ends: list[list[float]] = [[] for _ in range(callers)]
    times_ms: list[float] = []
    raw: list[bytes] = []
    one_at_a_time = threading.Lock()  # around the supply

    def caller(mine: list[float]) -> None:
        connection = HTTPConnection(address, timeout=_TIMEOUT_S)
        while time.perf_counter() < end or len(mine) < 2:  # noqa: PLR2004 - an interval has two ends
            with one_at_a_time:
                body = form(field, supply.new())
            begun = time.perf_counter()
            connection.request("POST", path, body, _HEADERS)
            answer = connection.getresponse()
            content = answer.read()
            mine.append(time.perf_counter())
            if answer.status != 200:  # noqa: PLR2004 - OK
                raise WrongAnswerError(f"{address}{path} answered {answer.status}: {content[:200]!r}")
            times_ms.append((mine[-1] - begun) * 1000)
            raw.append(content)
        connection.close()

    with Share() as share, ThreadPoolExecutor(callers) as pool:
        list(pool.map(caller, ends))
    dimensions = {len(vector_of(content)) for content in raw}
    if len(dimensions) != 1:
        raise WrongAnswerError(f"vectors of {dimensions} values")
    return {
        "rate": closed_loop_rate(ends),
        "times_ms": times_ms[callers:],
        "generator_share": share.value,
        "dimensions": min(dimensions),
        "pictures": len(raw),
    }


def form(field: str, jpeg: bytes) -> bytes:
    """The picture as the one file of a multipart form."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="picture.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    return head.encode() + jpeg + f"\r\n--{_BOUNDARY}--\r\n".encode()


def vector_of(content: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vector in an answer: {"vector": [...]} or [[...]].

    Raises:
        WrongAnswerError: there is none, or it is not usable.
    """
    answer = json.loads(content)
    vector = np.asarray(answer["vector"] if isinstance(answer, dict) else answer[0], np.float32)
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise WrongAnswerError(f"an answer of shape {vector.shape}, or not all of it usable")
    return vector

"""Prometheus metrics of a stage: what every call counts, and the page on a port of its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import start_http_server

from graft.errors import Code, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds; from a hop on loopback to a long import.
_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600)


class CallMetrics:
    """Counts, durations and the number in flight of a server's calls, by method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._handled = Counter("graft_rpc_handled_total", "Calls ended", ["method", "code"], registry=registry)
        self._seconds = Histogram(
            "graft_rpc_seconds", "Duration of calls", ["method"], buckets=_BUCKETS, registry=registry
        )
        self._in_flight = Gauge("graft_rpc_in_flight", "Calls going on", ["method"], registry=registry)

    def of(self, method: str) -> MethodMetrics:
        """Those of one method, a full name such as `/graft.v1.TrainerService/GetDataset`."""
        return MethodMetrics(
            in_flight=self._in_flight.labels(method),
            seconds=self._seconds.labels(method),
            handled=lambda code: self._handled.labels(method, code),
        )


class MethodMetrics:
    """The metrics of one method, their labels looked up once: that takes longer than counting."""

    def __init__(self, *, in_flight: Gauge, seconds: Histogram, handled: Callable[[str], Counter]) -> None:
        self._in_flight, self._seconds = in_flight, seconds
        self._handled = cache(handled)

    def track(self) -> TrackedCall:
        """A context for one call."""
        return TrackedCall(self)

    def begin(self) -> None:
        """A call begins."""
        self._in_flight.inc()

    def end(self, code: str, seconds: float) -> None:
        """A call has ended with this status."""
        self._in_flight.dec()
        self._seconds.observe(seconds)
        self._handled(code).inc()


class TrackedCall:
    """One call, measured while the context is open.

    Attributes:
        code: name of the status it ends with; the interceptor sets it.
    """

    __slots__ = ("_metrics", "_started", "code")

    def __init__(self, metrics: MethodMetrics) -> None:
        self._metrics, self._started, self.code = metrics, 0.0, Code.OK.name

    def __enter__(self) -> Self:
        """Begin."""
        self._metrics.begin()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._metrics.end(self.code, time.perf_counter() - self._started)


def new_registry() -> CollectorRegistry:
    """Return a registry that already holds memory, processor time, descriptors and garbage collection."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@contextmanager
def metrics_page(registry: CollectorRegistry, host: str, port: int) -> Iterator[int]:
    """Serve the registry at http://host:port/metrics from a thread of its own; yield the bound port.

    Raises:
        UnavailableError: the address cannot be bound.
    """
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise UnavailableError(
            f"cannot serve metrics on {host}:{port} ({error.strerror or error}); choose another --metrics-listen",
            reason="ADDRESS_IN_USE",
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

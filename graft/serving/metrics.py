"""Prometheus metrics of a stage: what every call counts, and the page on a port of its own."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import start_http_server

from graft.errors import Code, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds; from a hop on loopback to a long import.
_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60, 600)


@dataclass(slots=True)
class CallOutcome:
    """How a tracked call ended; the interceptor sets it.

    Attributes:
        code: name of the status code.
    """

    code: str = Code.OK.name


class CallMetrics:
    """Counts, durations and the number in flight of a server's calls, by method."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._handled = Counter("graft_rpc_handled_total", "Calls ended", ["method", "code"], registry=registry)
        self._seconds = Histogram(
            "graft_rpc_seconds", "Duration of calls", ["method"], buckets=_BUCKETS, registry=registry
        )
        self._in_flight = Gauge("graft_rpc_in_flight", "Calls going on", ["method"], registry=registry)

    @contextmanager
    def track(self, method: str) -> Iterator[CallOutcome]:
        """Measure one call of `method`, a full name such as `/graft.v1.TrainerService/GetDataset`."""
        outcome = CallOutcome()
        in_flight = self._in_flight.labels(method)
        in_flight.inc()
        started = time.perf_counter()
        try:
            yield outcome
        finally:
            in_flight.dec()
            self._seconds.labels(method).observe(time.perf_counter() - started)
            self._handled.labels(method, outcome.code).inc()


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

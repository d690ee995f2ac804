"""For tests: a real server on port 0, in this event loop or as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from graft.serving.metrics import new_registry
from graft.serving.server import StageServer
from graft.serving.settings import StageSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence


@asynccontextmanager
async def serving(
    register: Callable[[grpc.aio.Server], None], services: Sequence[str] = (), settings: StageSettings | None = None
) -> AsyncIterator[str]:
    """Serve what `register` adds to the handlers, with interceptor, health and reflection; yield the address."""
    server = StageServer(settings or StageSettings(), services, new_registry())
    register(server.handlers)
    await server.start()
    await server.ready()
    try:
        yield server.address
    finally:
        await server.drain(0)


class StageProcess:
    """A stage that runs in a process of its own.

    Attributes:
        process: the process.
        address: host:port that it printed.
    """

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address

    def wait_until_serving(self, timeout_s: float = 120.0) -> None:
        """Return when its health says SERVING; raise TimeoutError after `timeout_s` seconds.

        Raises:
            TimeoutError: it did not, or the process ended first.
        """
        with grpc.insecure_channel(self.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its type stubs leave Watch out
            request = health_pb2.HealthCheckRequest()
            try:
                for response in stub.Watch(request, timeout=timeout_s, wait_for_ready=True):
                    if response.status == health_pb2.HealthCheckResponse.SERVING:
                        return
            except grpc.RpcError as error:
                raise TimeoutError(f"{self.address} is not serving: {error}") from error

    def stop(self, signum: int = signal.SIGTERM, timeout_s: float = 60.0) -> int:
        """Send a signal, wait for the end and return the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(timeout_s)


@contextmanager
def stage_process(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[StageProcess]:
    """Run `python -m module arguments --listen 127.0.0.1:0`, yield it once it is bound, kill it at the end."""
    process = subprocess.Popen(  # noqa: S603 - this interpreter and a module of this project
        [sys.executable, "-m", module, "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        assert process.stdout is not None  # noqa: S101 - stdout=PIPE above
        line = process.stdout.readline()
        if " listening on " not in line:
            raise RuntimeError(f"{module} did not start: it printed {line!r} and exited with {process.wait(30)}")
        yield StageProcess(process, line.rsplit(" ", 1)[-1].strip())
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()

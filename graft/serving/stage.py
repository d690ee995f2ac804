"""Runs a stage from start to exit: bind, warm up, serve, drain; exit code 0 for a signal at any moment."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, NoReturn

import structlog

from graft.errors import GraftError
from graft.serving.lifecycle import stop_event
from graft.serving.logs import configure_logs
from graft.serving.metrics import metrics_page, new_registry
from graft.serving.server import StageServer
from graft.serving.settings import split_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from prometheus_client import CollectorRegistry

    from graft.serving.settings import StageSettings

    OpenStage = Callable[[StageServer, CollectorRegistry], AbstractAsyncContextManager[None]]
    """Enter: load and register servicers on `server.handlers`. Leave: close stores. Blocking work goes to threads."""

_CLOSE_LIMIT_S = 30.0
_INTERRUPT_LIMIT_S = 3.0
_log = structlog.get_logger("graft.stage")


def run_stage(stage: str, settings: StageSettings, services: Sequence[str], open_stage: OpenStage) -> NoReturn:
    """Run a stage until it is told to stop, then leave the process.

    Exit code 0 after SIGTERM, SIGINT or the end of the supervisor, whenever it comes, and also where closing takes so
    long that the stage is left as it is; 1 if the stage cannot start, or cannot close.

    Args:
        stage: its name in logs and in the line on standard output that tells the address.
        settings: what every stage can be told.
        services: full names of its gRPC services.
        open_stage: what loads it; see OpenStage.
    """
    configure_logs(stage, settings.log_level, settings.log_format)
    try:
        # Not asyncio.run, nor the runner's close: they wait for threads, and one may be inside a TensorFlow import or
        # kernel that nothing can interrupt.
        code = asyncio.Runner().run(_serve(stage, settings, services, open_stage))
    except GraftError as error:
        sys.stderr.write(f"{stage}: {error.message} [{error.reason}]\n")
        code = 1
    except OSError as error:  # the home cannot be made, read or written
        sys.stderr.write(f"{stage}: {error.filename or settings.home}: {error.strerror or repr(error)}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # nobody reads it any more, or the disk is full
            stream.flush()
    os._exit(code)  # for the same reason


async def _serve(stage: str, settings: StageSettings, services: Sequence[str], open_stage: OpenStage) -> int:
    stop = stop_event()
    registry = new_registry()
    server = StageServer(settings, services, registry)
    await server.start()
    async with AsyncExitStack() as stack:
        if settings.metrics_listen:
            host, port = split_address(settings.metrics_listen)
            port = stack.enter_context(metrics_page(registry, host, port))
            _log.info("metrics", page=f"http://{host}:{port}/metrics")
        sys.stdout.write(f"{stage} listening on {server.address}\n")
        sys.stdout.flush()
        opened = open_stage(server, registry)
        warm = asyncio.ensure_future(opened.__aenter__())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({warm, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not warm.done():
            # Stopped while loading: no call was accepted, so nothing is owed. What can be interrupted, such as a
            # fetch of weights in a process of its own, gets a moment to end; an import cannot be, and is left.
            await server.drain(0)
            warm.cancel()
            await asyncio.wait({warm}, timeout=_INTERRUPT_LIMIT_S)
            return 0
        warm.result()
        await server.ready()
        _log.info("serving", address=server.address)
        await stopping
        _log.info("draining", grace_s=settings.grace_s)
        await server.drain(settings.grace_s)
        # Never cancelled: what closes in a thread goes on there, and to unwind beside it would close things twice or
        # in the wrong order.
        closed = asyncio.ensure_future(opened.__aexit__(None, None, None))
        await asyncio.wait({closed}, timeout=_CLOSE_LIMIT_S)
        if closed.done():
            closed.result()
            _log.info("stopped")
        else:
            _log.error("left without being closed, as after a kill: it took too long", limit_s=_CLOSE_LIMIT_S)
        return 0

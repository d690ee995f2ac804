"""The services that are measured, as processes: the extractor, LitServe and BentoML; started, watched, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.processes import family, usage
from graft.channels import open_sync_channel
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HOST = "127.0.0.1"
PEERS = Path(__file__).parents[1] / "peers"
_START_LIMIT_S = 300.0
_END_LIMIT_S = 20.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Server:
    """A service that answers.

    Attributes:
        name: as in the table.
        address: host:port.
        pid: of its first process.
        start_s: from the start of the process to the first moment it said it was ready.
        memory_bytes: of all its processes at that moment.
    """

    name: str
    address: str
    pid: int
    start_s: float
    memory_bytes: int


class NotStartedError(SystemExit):
    """A service did not become ready; ends the run with its last words unless somebody can do without it."""


@contextmanager
def extractor(home: Path, *flags: str, name: str = "extractor") -> Iterator[Server]:
    """Run an extractor as `graft up` does, without the other stages; its log is in HOME/extractor.log."""
    port = free_port()
    # -P: a folder called feature_extractor where the user happens to be must not be taken for ours.
    command = [sys.executable, "-P", "-m", "feature_extractor", "--listen", f"{HOST}:{port}", "--home", str(home)]
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), root]))
    with _running(name, [*command, *flags], home / "extractor.log", port, _says_serving, {"PYTHONPATH": paths}) as one:
        yield one


@contextmanager
def litserve(python: Path, log: Path) -> Iterator[Server]:
    """Run the LitServe service with the Python of its environment."""
    port = free_port()
    command = [str(python), "litserve_service.py", str(port)]
    with _running("LitServe", command, log, port, _http_ready("/health"), {}) as one:
        yield one


@contextmanager
def bentoml(python: Path, log: Path) -> Iterator[Server]:
    """Run the BentoML service with the Python of its environment."""
    port = free_port()
    command = [str(python.with_name("bentoml")), "serve", "bentoml_service:Features", "--host", HOST]
    variables = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(log.parent.resolve() / "bentoml-home")}
    with _running("BentoML", [*command, "--port", str(port)], log, port, _http_ready("/readyz"), variables) as one:
        yield one


def computed(address: str) -> int:
    """How many pictures have gone through the extractor's trunk since its start."""
    with open_sync_channel(address) as channel:
        stub: Any = pb_grpc.FeatureExtractorServiceStub(channel)
        return int(stub.GetCacheStats(pb.GetCacheStatsRequest()).computed)


def trunk_of(address: str) -> Any:
    """What an extractor says of its trunk (graft.v1.Trunk)."""
    with open_sync_channel(address) as channel:
        stub: Any = pb_grpc.FeatureExtractorServiceStub(channel)
        return stub.GetTrunk(pb.GetTrunkRequest()).trunk


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(
    name: str, command: list[str], log: Path, port: int, ready: Callable[[str], bool], variables: Mapping[str, str]
) -> Iterator[Server]:
    address = f"{HOST}:{port}"
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            cwd=PEERS if name in {"LitServe", "BentoML"} else None,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **variables},
        )
        try:
            while not ready(address):
                if process.poll() is not None or time.perf_counter() - started > _START_LIMIT_S:
                    raise NotStartedError(
                        f"{name} did not start; see {log}:\n{log.read_text(errors='replace')[-2000:]}"
                    )
                time.sleep(_POLL_S)
            yield Server(name, address, process.pid, time.perf_counter() - started, usage(process.pid).memory_bytes)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL for whatever of the family is left: LitServe leaves processes behind."""
    relatives = family(process.pid)
    for pid in relatives:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_LIMIT_S)
    for pid in relatives:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _says_serving(address: str) -> bool:
    with open_sync_channel(address) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _http_ready(path: str) -> Callable[[str], bool]:
    def ready(address: str) -> bool:
        connection = HTTPConnection(address, timeout=1)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200  # noqa: PLR2004 - OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return ready

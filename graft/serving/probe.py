"""`python -m graft.serving.probe [HOST:PORT]`: exit code 0 if a server's health is SERVING; for container probes."""

from __future__ import annotations

import os
import sys
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from graft import statuses

_TIMEOUT_S = 3.0


def probe(address: str, service: str = "") -> str:
    """Return the health of `service` at `address` (empty is the whole server) as a word, or why there is none."""
    with grpc.insecure_channel(address) as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)  # its type stubs leave the methods out
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            return statuses.from_rpc_error(error).code.name
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def main() -> None:
    """Probe the address given, or that of GRAFT_LISTEN with any host read as this one."""
    _, _, port = os.environ.get("GRAFT_LISTEN", "").rpartition(":")
    address = sys.argv[1] if len(sys.argv) > 1 else f"127.0.0.1:{port}"
    health = probe(address)
    sys.stdout.write(f"{address} {health}\n")
    raise SystemExit(health != "SERVING")


if __name__ == "__main__":
    main()

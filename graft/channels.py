"""Channels to a Graft server: message limits, keepalive and retries the same everywhere."""

from __future__ import annotations

import json
from typing import Final

import grpc

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one message in either direction, unless a server is told otherwise; both ends must allow it."""

_SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            {
                # Every service; gRPC retries only calls that no server has begun to answer, and obeys the
                # server's grpc-retry-pushback-ms trailer.
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


def channel_options(max_message_bytes: int = MAX_MESSAGE_BYTES, *, retries: bool = True) -> list[tuple[str, str | int]]:
    """Return the options of a channel.

    Args:
        max_message_bytes: largest message to send or receive, in bytes.
        retries: whether gRPC shall retry calls that failed with UNAVAILABLE; a proxy leaves that to its caller.
    """
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        # A peer that restarts is found again within a second or so instead of gRPC's two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
        ("grpc.enable_retries", int(retries)),
        ("grpc.service_config", _SERVICE_CONFIG if retries else "{}"),
    ]


def open_channel(target: str, max_message_bytes: int = MAX_MESSAGE_BYTES, *, retries: bool = True) -> grpc.aio.Channel:
    """Return an asyncio channel to `target` (host:port or any gRPC target); it connects when first used."""
    return grpc.aio.insecure_channel(target, options=channel_options(max_message_bytes, retries=retries))


def open_sync_channel(target: str, max_message_bytes: int = MAX_MESSAGE_BYTES) -> grpc.Channel:
    """Return a blocking channel to `target` (host:port or any gRPC target); it connects when first used."""
    return grpc.insecure_channel(target, options=channel_options(max_message_bytes))

"""Channels to a Graft server: message limits, keepalive and retries the same everywhere."""

from __future__ import annotations

import json
from typing import Final

import grpc

MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one message in either direction, unless a server is told otherwise; both ends must allow it."""

_RETRY_BUFFER_BYTES: Final = 17 * 1024 * 1024
"""What gRPC keeps of a call's requests to send them again: a message as full as the client makes one. gRPC's own
256 KiB would leave a call with one photograph without a retry."""


def _retries_of(names: list[dict[str, str]], *codes: str) -> dict[str, object]:
    # gRPC retries only calls that no server has begun to answer, and waits as long as the server's
    # grpc-retry-pushback-ms trailer says. The attempts are all there are, so that a message that is too large for the
    # server, which gRPC refuses with RESOURCE_EXHAUSTED too, is not sent for ever.
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": codes,
    }
    return {"name": names, "retryPolicy": policy}


_SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            _retries_of([{}], "UNAVAILABLE"),
            # What refuses with QUEUE_FULL. Other methods say RESOURCE_EXHAUSTED of what a pause of seconds does not
            # cure: a full disk, a long queue of jobs.
            _retries_of(
                [
                    {"service": "graft.v1.FeatureExtractorService", "method": "ExtractFeatures"},
                    {"service": "graft.v1.GatewayService", "method": "Classify"},
                ],
                "UNAVAILABLE",
                "RESOURCE_EXHAUSTED",
            ),
        ]
    }
)


def channel_options(max_message_bytes: int = MAX_MESSAGE_BYTES, *, retries: bool = True) -> list[tuple[str, str | int]]:
    """Return the options of a channel.

    Args:
        max_message_bytes: largest message to send or receive, in bytes.
        retries: whether gRPC shall make up to three more attempts at a call that failed with UNAVAILABLE or, if it is
            ExtractFeatures or the gateway's Classify, with QUEUE_FULL; a proxy leaves that to its caller.
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
        ("grpc.per_rpc_retry_buffer_size", _RETRY_BUFFER_BYTES),
        ("grpc.service_config", _SERVICE_CONFIG if retries else "{}"),
    ]


def open_channel(target: str, max_message_bytes: int = MAX_MESSAGE_BYTES, *, retries: bool = True) -> grpc.aio.Channel:
    """Return an asyncio channel to `target` (host:port or any gRPC target); it connects when first used."""
    return grpc.aio.insecure_channel(target, options=channel_options(max_message_bytes, retries=retries))


def open_sync_channel(target: str, max_message_bytes: int = MAX_MESSAGE_BYTES, *, retries: bool = True) -> grpc.Channel:
    """Return a blocking channel to `target` (host:port or any gRPC target); it connects when first used."""
    return grpc.insecure_channel(target, options=channel_options(max_message_bytes, retries=retries))

"""The one place where a failed call becomes one of graft.errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from graft import statuses
from graft.errors import GraftError, InternalError, ResourceExhaustedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import grpc

UNREACHABLE: Final = "GATEWAY_UNREACHABLE"
"""Reason of the error for a gateway that nothing answers for."""


def to_graft_error(error: grpc.RpcError, target: str) -> GraftError:
    """Return the exception for a failed call; if there was nobody to answer, it says how to start somebody."""
    built = statuses.from_rpc_error(error)
    if isinstance(built, UnavailableError) and built.reason == UnavailableError.default_reason:
        # No ErrorInfo: the text is gRPC's own.
        if "failed to connect" in built.message or "resolution failed" in built.message:
            return UnavailableError(
                f"no Graft gateway at {target}: start one with `graft up`",
                reason=UNREACHABLE,
                metadata={"grpc_message": built.message},
            )
        return UnavailableError(f"lost the connection to {target}: {built.message}", retry_after_s=built.retry_after_s)
    if isinstance(built, InternalError) and built.message.startswith("Internal error from Core"):
        # What grpc.aio makes of a write to a stream that has just ended; the stream's own status is lost by then.
        return UnavailableError(f"the stream to {target} broke while it was written to", reason="STREAM_BROKEN")
    return built


def ended_early() -> UnavailableError:
    """Return the error for a stream that the server ended before it had answered everything."""
    return UnavailableError("the server ended the stream before it had answered everything", reason="STREAM_ENDED")


def cache_full(refused: Sequence[GraftError]) -> ResourceExhaustedError:
    """Return the error for an import of which no new picture can be kept any more."""
    return ResourceExhaustedError(
        f"the import stopped, because the cache kept none of the last {len(refused)} new pictures: make room on "
        "its disk or raise its limit, then import the same again, which goes on where it stopped",
        reason="CACHE_FULL",
        metadata={"cause": refused[0].message},
    )

"""A stage behind the gateway: its channel, the service it answers, and what its failures mean to a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc

from graft import statuses
from graft.errors import GraftError, UnavailableError

if TYPE_CHECKING:
    from google.protobuf.descriptor import ServiceDescriptor

_DETAILS_KEY: Final = "grpc-status-details-bin"
_RETRY_S: Final = 1.0  # about what a channel takes to find a server that came back


@dataclass(frozen=True, slots=True)
class Backend:
    """One stage behind the gateway.

    Attributes:
        stage: what people call it: `extractor`, `trainer` or `classifier`.
        address: where it should be, host:port.
        service: the gRPC service it answers.
        channel: to it; its calls are not retried, since the caller of the gateway retries by itself and two layers
            of retries multiply.
    """

    stage: str
    address: str
    service: ServiceDescriptor
    channel: grpc.aio.Channel

    def absence(
        self, code: grpc.StatusCode, trailers: grpc.aio.Metadata | None, details: str | None
    ) -> GraftError | None:
        """Return the error to answer with if a failure came from the lack of the stage, None if the stage itself spoke.

        A stage that refuses a call says why in the details of its status; gRPC has none to give when it cannot reach
        the stage or loses it in mid-call.
        """
        if code is not grpc.StatusCode.UNAVAILABLE or any(key == _DETAILS_KEY for key, _ in trailers or ()):
            return None
        return UnavailableError(
            f"the {self.stage} at {self.address} cannot be reached; is it running? Try again in a moment",
            reason=f"{self.stage.upper()}_UNAVAILABLE",
            retry_after_s=_RETRY_S,
            metadata={"cause": details or ""},
        )

    def failure(self, error: grpc.aio.AioRpcError) -> GraftError:
        """Return what a failed call to this stage means: the stage's own error as it came, or that it is away."""
        away = self.absence(error.code(), error.trailing_metadata(), error.details())
        return away or statuses.from_rpc_error(error)

"""The exceptions every stage and the client speak in; each knows its status code and details, none knows grpc.

GraftError
├── InvalidArgumentError     the request itself is wrong; sending it again will not help
├── NotFoundError            a named thing is not there
├── AlreadyExistsError       a named thing is there already
├── FailedPreconditionError  the request is well formed, the state is not ready for it
├── AbortedError             a compare-and-set lost its race; read again, then retry
├── ResourceExhaustedError   a queue or quota is full; retry after a pause
├── UnavailableError         a peer or a service is away; retry
├── DeadlineExceededError    the caller's time ran out
├── CancelledError           the caller went away, or the work was cancelled
├── DataLossError            stored bytes fail their checksum and cannot be recomputed here
├── UnauthenticatedError     no valid credentials
├── PermissionDeniedError    credentials without the right
└── InternalError            a fault of the server; its details are in the server's log alone
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Self

DOMAIN = "graft"
"""The `domain` of every google.rpc.ErrorInfo that Graft sends."""


class Code(IntEnum):
    """The canonical status codes, with the numbers of google.rpc.Code."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong: `subject` is a field path such as `images[3].content`, or the name of what is not ready."""

    subject: str
    description: str


class GraftError(Exception):
    """Base of all; `reason` is UPPER_SNAKE and stable, the message is for people and may change.

    Attributes:
        code: the canonical status code.
        reason: what happened, for programs (google.rpc.ErrorInfo.reason).
        message: what happened to which item and what to do, for people.
        metadata: further facts for programs (google.rpc.ErrorInfo.metadata); strings only.
    """

    code: ClassVar[Code] = Code.UNKNOWN
    default_reason: ClassVar[str] = "UNKNOWN"

    def __init__(self, message: str, *, reason: str = "", metadata: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata = dict(metadata or {})

    def placed(self, where: str, *, instead_of: str = "", **metadata: str) -> Self:
        """Return the same error about an item: `where` before its message, `metadata` added. This one stays as it is.

        An error may be shared by callers that know the item by different places; `instead_of` is a place that the
        message begins with already, which is taken off.
        """
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self))
        copy.message = f"{where}: {self.message.removeprefix(f'{instead_of}: ')}"
        copy.args = (copy.message,)
        copy.metadata = {**self.metadata, **metadata}
        return copy


class _ViolationsError(GraftError):
    """Base of the errors that list what is wrong."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        violations: tuple[Violation, ...] = (),
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.violations = violations


class InvalidArgumentError(_ViolationsError):
    """The request is wrong whatever the state of the server; `violations` name the fields (BadRequest)."""

    code = Code.INVALID_ARGUMENT
    default_reason = "INVALID_ARGUMENT"


class FailedPreconditionError(_ViolationsError):
    """The state is not ready for the request; `violations` name what is missing (PreconditionFailure)."""

    code = Code.FAILED_PRECONDITION
    default_reason = "FAILED_PRECONDITION"


class _ResourceError(GraftError):
    """Base of the errors about one named thing (ResourceInfo)."""

    def __init__(
        self,
        resource_type: str,
        resource_name: str,
        message: str = "",
        *,
        reason: str = "",
        metadata: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message or self._describe(resource_type, resource_name), reason=reason, metadata=metadata)
        self.resource_type = resource_type
        self.resource_name = resource_name

    @staticmethod
    def _describe(resource_type: str, resource_name: str) -> str:
        return f"{resource_type} {resource_name!r}"


class NotFoundError(_ResourceError):
    """The named thing is not there."""

    code = Code.NOT_FOUND
    default_reason = "NOT_FOUND"

    @staticmethod
    def _describe(resource_type: str, resource_name: str) -> str:
        return f"there is no {resource_type} {resource_name!r}"


class AlreadyExistsError(_ResourceError):
    """The named thing is there already."""

    code = Code.ALREADY_EXISTS
    default_reason = "ALREADY_EXISTS"

    @staticmethod
    def _describe(resource_type: str, resource_name: str) -> str:
        return f"there is a {resource_type} {resource_name!r} already"


class AbortedError(GraftError):
    """A compare-and-set lost its race: read the present state, then retry."""

    code = Code.ABORTED
    default_reason = "CONFLICT"


class _RetryableError(GraftError):
    """Base of the errors that a pause cures; `retry_after_s` is the pause in seconds (RetryInfo), 0 when unknown."""

    def __init__(
        self, message: str, *, reason: str = "", retry_after_s: float = 0.0, metadata: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_after_s = retry_after_s


class ResourceExhaustedError(_RetryableError):
    """A queue or a quota is full."""

    code = Code.RESOURCE_EXHAUSTED
    default_reason = "QUEUE_FULL"


class UnavailableError(_RetryableError):
    """A peer, or this service, is away for the moment."""

    code = Code.UNAVAILABLE
    default_reason = "UNAVAILABLE"


class DeadlineExceededError(GraftError):
    """The caller's time ran out."""

    code = Code.DEADLINE_EXCEEDED
    default_reason = "DEADLINE_EXCEEDED"


class CancelledError(GraftError):
    """The caller went away, or the work was cancelled."""

    code = Code.CANCELLED
    default_reason = "CANCELLED"


class DataLossError(GraftError):
    """Stored bytes fail their checksum and cannot be recomputed here."""

    code = Code.DATA_LOSS
    default_reason = "DATA_LOSS"


class UnauthenticatedError(GraftError):
    """The call carries no valid credentials."""

    code = Code.UNAUTHENTICATED
    default_reason = "UNAUTHENTICATED"


class PermissionDeniedError(GraftError):
    """The credentials do not allow this."""

    code = Code.PERMISSION_DENIED
    default_reason = "PERMISSION_DENIED"


class UnimplementedError(GraftError):
    """This server does not have the method."""

    code = Code.UNIMPLEMENTED
    default_reason = "UNIMPLEMENTED"


class InternalError(GraftError):
    """A fault of the server; what went wrong is in its log."""

    code = Code.INTERNAL
    default_reason = "INTERNAL"

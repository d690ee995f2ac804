"""Between Graft's exceptions and google.rpc.Status, in both directions, and out of a grpc error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from graft import errors
from graft.errors import Code, GraftError, Violation

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
"""The trailer that gRPC's own retry policy obeys."""

_BY_CODE: Final = {
    error.code: error
    for error in (
        errors.CancelledError,
        errors.InvalidArgumentError,
        errors.DeadlineExceededError,
        errors.NotFoundError,
        errors.AlreadyExistsError,
        errors.PermissionDeniedError,
        errors.ResourceExhaustedError,
        errors.FailedPreconditionError,
        errors.AbortedError,
        errors.UnimplementedError,
        errors.InternalError,
        errors.UnavailableError,
        errors.DataLossError,
        errors.UnauthenticatedError,
    )
}


MAX_STATUS_BYTES: Final = 4096
"""Bound of a status. It travels in a trailer, message included twice, and gRPC drops trailers past 8 KiB."""

# Bytes on the wire, where gRPC writes what is not ASCII with three bytes for each of UTF-8.
_MAX_MESSAGE, _MAX_METADATA, _MAX_NAME = 1200, 400, 240


def to_status(error: GraftError) -> status_pb2.Status:
    """Return the status with one ErrorInfo and the detail that fits the error's kind, at most MAX_STATUS_BYTES.

    A long message is cut. Of many violations the first ones are kept; the ErrorInfo's metadata then tells how many
    there were (`violations_total`).
    """
    violations: tuple[Violation, ...] = getattr(error, "violations", ())
    kept = len(violations)
    while True:
        status = _whole_status(error, violations[:kept], len(violations))
        if status.ByteSize() <= MAX_STATUS_BYTES or not kept:
            return status
        kept //= 2


def _whole_status(error: GraftError, violations: tuple[Violation, ...], total: int) -> status_pb2.Status:
    message = _shortened(error.message, _MAX_MESSAGE)
    metadata = {key: _shortened(value, _MAX_METADATA) for key, value in error.metadata.items()}
    if len(violations) < total:
        metadata["violations_total"] = str(total)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=errors.DOMAIN, metadata=metadata)
    details = [_packed(info)]
    match error:
        case errors.InvalidArgumentError() if violations:
            bad = error_details_pb2.BadRequest()
            for violation in violations:
                bad.field_violations.add(field=violation.subject, description=violation.description)
            details.append(_packed(bad))
        case errors.FailedPreconditionError() if violations:
            failure = error_details_pb2.PreconditionFailure()
            for violation in violations:
                failure.violations.add(type=error.reason, subject=violation.subject, description=violation.description)
            details.append(_packed(failure))
        case errors.NotFoundError() | errors.AlreadyExistsError():
            resource = error_details_pb2.ResourceInfo(
                resource_type=error.resource_type, resource_name=_shortened(error.resource_name, _MAX_NAME)
            )
            details.append(_packed(resource))
        case errors.ResourceExhaustedError() | errors.UnavailableError() if error.retry_after_s > 0:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(pushback_ms(error))
            details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=int(error.code), message=message, details=details)


def _shortened(text: str, limit: int) -> str:
    """The text if it takes at most `limit` bytes on the wire, or its beginning."""
    if text.isascii() and len(text) <= limit:  # nearly always
        return text
    size = 0
    for place, character in enumerate(text):
        size += 1 if character.isascii() else 3 * len(character.encode())
        if size > limit:
            return f"{text[:place]}…"
    return text


def pushback_ms(error: GraftError) -> int:
    """Return how many milliseconds a client should wait before it retries, 0 if the error does not say."""
    seconds = getattr(error, "retry_after_s", 0.0)
    return max(1, round(seconds * 1000)) if seconds > 0 else 0


def from_status(status: status_pb2.Status) -> GraftError:
    """Return the exception that `status` stands for; an OK or unknown code becomes a plain GraftError."""
    info = error_details_pb2.ErrorInfo()
    resource = error_details_pb2.ResourceInfo()
    violations: list[Violation] = []
    retry_after_s = 0.0
    for detail in status.details:
        bad, failure = error_details_pb2.BadRequest(), error_details_pb2.PreconditionFailure()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(info) or detail.Unpack(resource):
            continue
        if detail.Unpack(bad):
            violations += [Violation(each.field, each.description) for each in bad.field_violations]
        elif detail.Unpack(failure):
            violations += [Violation(each.subject, each.description) for each in failure.violations]
        elif detail.Unpack(retry):
            retry_after_s = retry.retry_delay.ToMilliseconds() / 1000
    return _build(status, info, resource, tuple(violations), retry_after_s)


def from_rpc_error(error: grpc.RpcError) -> GraftError:
    """Return the exception that a failed call stands for, with the details its trailer carries.

    Without details it was gRPC that failed the call: a message past a limit is MESSAGE_TOO_LARGE, other quotas of its
    own RESOURCE_EXHAUSTED, and ABORTED is ABORTED.
    """
    call: Any = error  # raised errors are calls too; blocking and asyncio ones share no typed base that says so
    try:
        status = rpc_status.from_call(call)
    except ValueError:  # gRPC replaced the status and left the details of the first one in the trailer
        status = None
    if status is None:
        code, _ = call.code().value
        status = status_pb2.Status(code=code, message=call.details() or call.code().name)
        status.details.append(_packed(error_details_pb2.ErrorInfo(reason=_reason_of_grpc(code, status.message))))
    return from_status(status)


def _reason_of_grpc(code: int, message: str) -> str:
    """Return the reason of a status that gRPC, or a proxy, made up: not Graft's own where that means something else."""
    if code == Code.RESOURCE_EXHAUSTED:  # not a full queue
        return "MESSAGE_TOO_LARGE" if "larger than max" in message else "RESOURCE_EXHAUSTED"
    return "ABORTED" if code == Code.ABORTED else ""


def _build(
    status: status_pb2.Status,
    info: error_details_pb2.ErrorInfo,
    resource: error_details_pb2.ResourceInfo,
    violations: tuple[Violation, ...],
    retry_after_s: float,
) -> GraftError:
    kind: Any = _BY_CODE.get(Code(status.code), GraftError) if status.code in set(Code) else GraftError
    message, reason, metadata = status.message, info.reason, dict(info.metadata)
    built: GraftError
    if kind in {errors.InvalidArgumentError, errors.FailedPreconditionError}:
        built = kind(message, reason=reason, violations=violations, metadata=metadata)
    elif kind in {errors.NotFoundError, errors.AlreadyExistsError}:
        built = kind(resource.resource_type, resource.resource_name, message, reason=reason, metadata=metadata)
    elif kind in {errors.ResourceExhaustedError, errors.UnavailableError}:
        built = kind(message, reason=reason, retry_after_s=retry_after_s, metadata=metadata)
    else:
        built = kind(message, reason=reason, metadata=metadata)
    return built


def _packed(message: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed

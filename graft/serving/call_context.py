"""What a call knows about itself (request id, deadline) and hands on to the next hop."""

from __future__ import annotations

import re
import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUEST_ID_KEY: Final = "x-request-id"
_VALID_REQUEST_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class CallContext:
    """One call on its way through the services.

    Attributes:
        request_id: the caller's, or one made up here.
        deadline: when the caller stops waiting, in seconds of time.monotonic(); None means never.
    """

    request_id: str
    deadline: float | None

    def time_remaining_s(self) -> float | None:
        """Return the seconds left, 0 at least; None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


_current: ContextVar[CallContext | None] = ContextVar("graft_call", default=None)


def enter_call(metadata: Iterable[tuple[str, str | bytes]], time_remaining_s: float | None) -> CallContext:
    """Make the call's context current for this task and return it."""
    request_id = next((value for key, value in metadata if key == REQUEST_ID_KEY), "")
    if not isinstance(request_id, str) or not _VALID_REQUEST_ID.fullmatch(request_id):
        request_id = uuid.uuid4().hex
    deadline = None if time_remaining_s is None else time.monotonic() + time_remaining_s
    call = CallContext(request_id, deadline)
    _current.set(call)
    return call


def current_deadline() -> float | None:
    """Return the deadline of the call that this task serves, in seconds of time.monotonic(); None without one."""
    call = _current.get()
    return call.deadline if call else None


def outgoing_timeout() -> float | None:
    """Return the `timeout` for a call to the next hop: what is left of the caller's own, in seconds."""
    call = _current.get()
    return call.time_remaining_s() if call else None


def outgoing_metadata() -> tuple[tuple[str, str], ...]:
    """Return the `metadata` for a call to the next hop: the same request id."""
    call = _current.get()
    return ((REQUEST_ID_KEY, call.request_id),) if call else ()

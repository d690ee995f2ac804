"""Ending a thread's work while it waits for somebody else: it asks, a few times a second, whether to go on."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

_T = TypeVar("_T")

_LOOK_S = 0.2

_check: ContextVar[Callable[[], None] | None] = ContextVar("_check", default=None)


@contextmanager
def interruptible(check: Callable[[], None]) -> Iterator[None]:
    """Let the waits of this thread end by what `check` raises; a context around the work."""
    token = _check.set(check)
    try:
        yield
    finally:
        _check.reset(token)


def wait_for(future: Future[_T]) -> _T:
    """Return the future's result, or raise what it raised; cancel it, and raise that, if the work is to end first."""
    check = _check.get()
    while check is not None and not _done(future):
        try:
            check()
        except BaseException:
            future.cancel()
            raise
    return future.result()


def _done(future: Future[_T]) -> bool:
    """Return whether the future is done, after a short wait if it is not."""
    try:
        future.exception(_LOOK_S)
    except TimeoutError:
        return future.done()  # it may be the future's own
    return True

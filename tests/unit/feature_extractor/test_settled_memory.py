"""Memory put in order after the start."""

from __future__ import annotations

import ctypes
import gc
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from feature_extractor.settled_memory import settle_memory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def unsettled() -> Iterator[None]:
    """Nothing stays frozen, and garbage is collected as before, for the tests that come."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Ring:
    """Refers to itself, so that the collector alone can free it."""

    def __init__(self) -> None:
        self.me = self


@pytest.mark.parametrize("with_glibc", [True, False])
def test_garbage_is_collected_and_glibc_trims_what_is_free(
    monkeypatch: pytest.MonkeyPatch, *, with_glibc: bool
) -> None:
    """Everything that is free is asked for; another C library, which has no such function, is left alone."""
    kept: list[int] = []
    library = SimpleNamespace(malloc_trim=kept.append) if with_glibc else SimpleNamespace()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    gc.disable()
    try:
        garbage = weakref.ref(Ring())
        settle_memory()
    finally:
        gc.enable()
    assert garbage() is None
    assert gc.get_freeze_count() > 0
    assert kept == ([0] if with_glibc else [])


def test_the_c_library_at_hand_is_asked_without_harm() -> None:
    """The real function is called."""
    settle_memory()


def test_young_objects_are_looked_at_less_often_than_python_would() -> None:
    """A full queue's objects come and go in their thousands, and none of them is garbage."""
    usual = gc.get_threshold()
    settle_memory()
    young, _, old = gc.get_threshold()
    assert young > usual[0]
    assert old > usual[2]

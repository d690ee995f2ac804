"""Memory given back to the system."""

from __future__ import annotations

import ctypes
import gc
import weakref
from types import SimpleNamespace

import pytest

from feature_extractor.idle_memory import give_back_memory


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
        give_back_memory()
    finally:
        gc.enable()
    assert garbage() is None
    assert kept == ([0] if with_glibc else [])


def test_the_c_library_at_hand_is_asked_without_harm() -> None:
    """The real function is called."""
    give_back_memory()

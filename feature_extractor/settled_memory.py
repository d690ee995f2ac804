"""Puts the memory of a process in order once it has started."""

from __future__ import annotations

import ctypes
import gc

_THRESHOLDS = 5_000, 2, 100
"""When garbage is collected from then on, as `gc.set_threshold` takes it. A full queue holds tens of thousands of young
objects: with Python's own 700, 10, 10 their coming and going has all of them looked at every five seconds, in 20 to
40 ms that every answer has to wait."""


def settle_memory() -> None:
    """Collect garbage, keep what is left out of later collections, and have glibc give back what is free in it.

    Building a network and planning its kernels frees some hundred MB that are not needed again; where there is no
    glibc, they stay. What is left are a million objects of TensorFlow's that live as long as the process: each full
    collection would look at them all and hold up every thread meanwhile, for some 0.2 s. Takes a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

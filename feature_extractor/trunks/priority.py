"""Which threads come first where trunk and calls share the processors."""

from __future__ import annotations

import os
import sys
import threading

STEP = 5
"""How much nicer a trunk's threads are; the kernel gives them a third of what it gives a thread that is not."""

_NICEST = 19


def step_back() -> None:
    """Let this thread, and those that it starts, give way to other threads that want a processor.

    A trunk on the processor keeps all of them busy. An answer that takes a millisecond, a refusal, a health check, the
    gateway beside it: none of them shall wait for a trunk's time slice, and the trunk loses nothing but that
    millisecond. Linux alone has priorities for threads, and a thread's children inherit its own; elsewhere nothing
    changes.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + STEP, _NICEST))

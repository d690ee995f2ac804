"""The load generator, a process of its own: a worker that sends what it is told and says how it was answered.

python benchmarks/load.py FOLDER FIRST      FIRST is the number of its first new picture
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.dialogue import serve
from bench.load_grpc import lookup, paused, stream, unary
from bench.load_http import http
from bench.load_open import healthy, open_loop
from bench.pictures import jpegs_of
from bench.supply import Supply

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


def main() -> None:
    """Answer."""
    supply = Supply(jpegs_of(Path(sys.argv[1])), int(sys.argv[2]))

    def run(measure: Callable[..., Coroutine[Any, Any, dict[str, Any]]], **arguments: Any) -> dict[str, Any]:
        return asyncio.run(measure(supply, **arguments))

    verbs = {each.__name__: partial(run, each) for each in (unary, stream, lookup, paused, open_loop, healthy)}
    serve(http=partial(http, supply), **verbs)


if __name__ == "__main__":
    main()

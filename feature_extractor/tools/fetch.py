"""`graft trunk fetch [WEIGHTS]`: brings weights into the home and checks them, so that a start needs no network."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.tools.kept import recorded
from feature_extractor.tools.printing import complain, say
from feature_extractor.trunks.engines.choice import keras_backend, require_engine
from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.record import AUTO
from feature_extractor.trunks.weights.resolving import resolve
from feature_extractor.trunks.weights.sources import WeightsSource, source_of
from graft.owner_lock import OwnerLock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.trunks.weights.arrays import ArraySpec

LOCK_NAME = "fetch.lock"


def main(arguments: list[str]) -> int:
    """Fetch what the arguments name."""
    parser = argparse.ArgumentParser(prog="graft trunk fetch", description=__doc__)
    parser.add_argument("weights", nargs="?", default=AUTO, choices=("imagenet", "nsfwjs", AUTO))
    parser.add_argument("--home", type=Path, required=True, help="directory of all state")
    options = parser.parse_args(arguments)
    spec, sha256 = fetch(options.home, options.weights)
    say(f"weights {spec} are in {options.home / 'weights'}, SHA-256 {sha256}")
    return 0


def network_specs() -> list[ArraySpec]:
    """The arrays the Keras network needs, from whichever of its backends is installed."""
    from feature_extractor.trunks.architecture import Network

    backend = keras_backend()
    require_engine(backend)
    return Network(backend).specs


def fetch(
    home: Path,
    weights: str,
    *,
    specs: Callable[[], Sequence[ArraySpec]] = network_specs,
    sources: Callable[[str], WeightsSource] = source_of,
) -> tuple[str, str]:
    """Bring weights into HOME/weights, those that the home has on record for `auto`; returns which and their SHA-256.

    An extractor may run on the home meanwhile: files come into place whole, by renaming, and what is there already is
    read, not written. Two fetches at once would only do the same work twice; the second one is refused.

    Raises:
        FailedPreconditionError: FETCH_RUNNING, WEIGHTS_CHANGED, RECORD_UNREADABLE, or the weights do not fit.
        UnavailableError: WEIGHTS_UNREACHABLE.
        DataLossError: WEIGHTS_DAMAGED.
    """
    folder = home / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    lock = OwnerLock(folder / LOCK_NAME, "FETCH_RUNNING")
    try:
        source, arrays, reason = resolve(weights, folder, specs(), threading.Event(), sources, recorded(home))
        complain(reason)
        return source.spec, weights_sha256(arrays)
    finally:
        lock.release()

"""`graft trunk verify`: computes the SHA-256 of all weights that a home keeps anew, and names what is wrong."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.tools.fetch import network_specs
from feature_extractor.tools.kept import kept_files, leftovers, recorded
from feature_extractor.tools.printing import complain, say
from feature_extractor.trunks.quantised.store import file_sha256, list_quantised, verify_quantised
from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.files import SUFFIXES, read_weights
from feature_extractor.trunks.weights.graphs import SUFFIX as GRAPH_SUFFIX
from feature_extractor.trunks.weights.storage import stored_sha256
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feature_extractor.tools.kept import KeptFile
    from feature_extractor.trunks.weights.arrays import ArraySpec
    from feature_extractor.trunks.weights.record import Resolution


def main(arguments: list[str]) -> int:
    """Check everything; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="graft trunk verify", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="directory of all state")
    options = parser.parse_args(arguments)
    wrong = verify(options.home)
    return 1 if wrong else 0


def verify(home: Path, *, specs: Callable[[], Sequence[ArraySpec]] = network_specs) -> int:
    """Check the kept files, the 8-bit networks and the recorded trunks, saying so of each; returns how many are wrong.

    Raises:
        FailedPreconditionError: RECORD_UNREADABLE.
    """
    known = recorded(home)
    folder = home / "weights"
    kept = kept_files(folder, known)
    needed = specs() if any(not each.graph for each in kept) else ()
    good: set[str] = set()
    wrong = 0
    for file in kept:
        problem, sha256, compared = _check(file, needed)
        wrong += _report(file.path, sha256, problem, _cure(file), compared=compared)
        if not problem:
            good.add(sha256)
    for path, problem in verify_quantised(home):
        cure = f"Delete {path.parent} and run `graft trunk quantize` again, or restore it from a copy"
        wrong += _report(path, "", problem, cure)
    good |= {each.sha256 for each in list_quantised(home)}
    wrong += sum(_report_lost(each, good) for each in known)
    for path in leftovers(folder):
        say(f"{path}: being written, or left behind by a process that was killed; never read")
    if not (kept or known):
        say(f"{home} keeps no weights")
    return wrong


def _check(file: KeptFile, specs: Sequence[ArraySpec]) -> tuple[str, str, bool]:
    """What is wrong with a file, its SHA-256, and whether there was one to compare it with."""
    try:
        sha256 = file_sha256(file.path) if file.graph else weights_sha256(read_weights(file.path, specs))
        expected = file.expected or ("" if file.graph else stored_sha256(file.path))
    except GraftError as error:
        return error.message, "", True
    except OSError as error:
        return error.strerror or str(error), "", True
    if not sha256.startswith(expected):
        return f"its SHA-256 is {sha256}, it must be {expected}", sha256, True
    return "", sha256, bool(expected)


def _cure(file: KeptFile) -> str:
    """A copy of a user's file comes from nowhere else."""
    if not file.copied:
        return "Delete it: it is brought anew from where it came from"
    if not file.original:
        return "Restore it from a copy"
    return f"Restore it from a copy; or delete it and put {file.original} back, which the next start copies anew"


def _report(path: Path, sha256: str, problem: str, cure: str, *, compared: bool = True) -> int:
    if problem:
        complain(f"graft: {path} is WRONG: {problem}. {cure}")
        return 1
    found = f", SHA-256 {sha256}" if sha256 else ""
    say(f"{path}: {'good' if compared else 'whole, with nothing to compare its SHA-256 with'}{found}")
    return 0


def _report_lost(known: Resolution, good: set[str]) -> int:
    """A recorded trunk whose weights are not kept any more, and cannot be had from the user's own file either."""
    sha256 = known.identity.weights_sha256
    if sha256 in good or known.weights.startswith("random:"):
        return 0
    name = f"trunk {known.identity.fingerprint.hex()} ({known.weights})"
    own = Path(known.weights)
    if not known.quantised_from and own.suffix in (*SUFFIXES, GRAPH_SUFFIX) and own.is_file():
        say(f"{name}: no good copy is kept; the next start reads {own}, which is there, and checks it")
        return 0
    cure = "restore it from a copy" if known.quantised_from else "`graft trunk fetch` may bring them back"
    complain(f"graft: {name} has LOST its weights of SHA-256 {sha256}; {cure}")
    return 1

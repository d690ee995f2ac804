"""From a weights specification, `auto` included, to arrays; and whether they are those of an earlier start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.record import AUTO, sha256_on_record, weights_on_record
from graft.errors import CancelledError, FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from feature_extractor.trunks.weights.arrays import Arrays, ArraySpec
    from feature_extractor.trunks.weights.record import Resolution
    from feature_extractor.trunks.weights.sources import WeightsSource

_AUTO_FIRST, _AUTO_ELSE = "imagenet", "nsfwjs"
_OUT_OF_REACH = ("WEIGHTS_UNREACHABLE", "NPM_MISSING")


def resolve(
    weights: str,
    folder: Path,
    specs: Sequence[ArraySpec],
    stop: threading.Event,
    sources: Callable[[str], WeightsSource],
    known: Sequence[Resolution],
) -> tuple[WeightsSource, Arrays, str]:
    """The source, its arrays, and why this one; `known` is all that the home has on record.

    A home has one meaning of `auto`, and one SHA-256 for each weights, whatever layer, precision or engine they are
    asked for with.

    Raises:
        FailedPreconditionError: WEIGHTS_CHANGED.
        UnavailableError: WEIGHTS_UNREACHABLE.
        DataLossError: WEIGHTS_DAMAGED.
    """

    def arrays_of(source: WeightsSource) -> Arrays:
        return unchanged_arrays(source, folder, specs, sha256_on_record(known, source.spec), stop)

    meant = weights_on_record(known, weights)
    source = sources(_AUTO_FIRST if meant == AUTO else meant)
    if meant != AUTO:
        how = "as asked for" if weights != AUTO else "what auto is in this home"
        return source, arrays_of(source), f"weights {source.spec}, {how}"
    try:
        return source, arrays_of(source), f"weights {source.spec}, the first choice of auto"
    except UnavailableError as unreachable:
        go_on(stop)
        other = sources(_AUTO_ELSE)
        reason = f"weights {other.spec}, the second choice of auto, because {unreachable.message}"
        try:
            return other, arrays_of(other), reason
        except (UnavailableError, FailedPreconditionError) as also_unreachable:
            if also_unreachable.reason not in _OUT_OF_REACH:
                raise
            raise UnavailableError(
                f"no weights can be fetched: {unreachable.message}; {also_unreachable.message}. Connect this machine, "
                "or give a weights file",
                reason="WEIGHTS_UNREACHABLE",
            ) from also_unreachable


def unchanged_arrays(
    source: WeightsSource, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event
) -> Arrays:
    """The weights of a source, refused if they are not those on record.

    Raises:
        FailedPreconditionError: WEIGHTS_CHANGED.
    """
    arrays = source.arrays(folder, specs, recorded, stop)
    check_unchanged(source.spec, weights_sha256(arrays), recorded)
    return arrays


def check_unchanged(weights: str, sha256: str, recorded: str) -> None:
    """Refuse other weights than the home has on record under this name; an empty `recorded` means that it has none.

    Raises:
        FailedPreconditionError: WEIGHTS_CHANGED.
    """
    if recorded and sha256 != recorded:
        raise FailedPreconditionError(
            f"the weights {weights} have the SHA-256 {sha256}, but this home was made with {recorded}. Put the old "
            "weights back, or use another home or another file name: vectors and heads made with the old ones do not "
            "fit the new",
            reason="WEIGHTS_CHANGED",
        )


def go_on(stop: threading.Event) -> None:
    """Raise CancelledError if loading shall stop."""
    if stop.is_set():
        raise CancelledError("loading the trunk was stopped")

"""From a weights specification, `auto` included, to arrays; and whether they are those of an earlier start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import CancelledError, FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from feature_extractor.trunks.weights.arrays import Arrays, ArraySpec
    from feature_extractor.trunks.weights.record import Resolution
    from feature_extractor.trunks.weights.sources import WeightsSource

AUTO = "auto"
_AUTO_FIRST, _AUTO_ELSE = "imagenet", "nsfwjs"


def resolve(
    weights: str,
    folder: Path,
    specs: Sequence[ArraySpec],
    stop: threading.Event,
    sources: Callable[[str], WeightsSource],
) -> tuple[WeightsSource, Arrays, str]:
    """The source, its arrays, and why this one.

    Raises:
        UnavailableError: WEIGHTS_UNREACHABLE.
    """
    source = sources(_AUTO_FIRST if weights == AUTO else weights)
    if weights != AUTO:
        return source, source.arrays(folder, specs, "", stop), f"weights {source.spec}, as asked for"
    try:
        return source, source.arrays(folder, specs, "", stop), f"weights {source.spec}, the first choice of auto"
    except UnavailableError as unreachable:
        go_on(stop)
        other = sources(_AUTO_ELSE)
        reason = f"weights {other.spec}, the second choice of auto, because {unreachable.message}"
        try:
            return other, other.arrays(folder, specs, "", stop), reason
        except UnavailableError as also_unreachable:
            raise UnavailableError(
                f"no weights can be fetched: {unreachable.message}; {also_unreachable.message}. Connect this machine, "
                "or give a weights file",
                reason="WEIGHTS_UNREACHABLE",
            ) from also_unreachable


def check_unchanged(known: Resolution, sha256: str) -> None:
    """Refuse to build another trunk than the one on record.

    Raises:
        FailedPreconditionError: WEIGHTS_CHANGED.
    """
    if sha256 != known.identity.weights_sha256:
        raise FailedPreconditionError(
            f"the weights {known.weights} have the SHA-256 {sha256}, but this home was made with "
            f"{known.identity.weights_sha256}. Put the old weights back, or use another home or another file name: "
            "vectors and heads made with the old ones do not fit the new",
            reason="WEIGHTS_CHANGED",
        )


def go_on(stop: threading.Event) -> None:
    """Raise CancelledError if loading shall stop."""
    if stop.is_set():
        raise CancelledError("loading the trunk was stopped")

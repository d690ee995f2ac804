"""What can be wrong with one item of an import, said by its place in the caller's message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.errors import FailedPreconditionError, GraftError, InvalidArgumentError, NotFoundError, Violation
from trainer.catalog.examples import check_digest
from trainer.datasets.labels import check_label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.datasets.importing import Item
    from trainer.datasets.split import Part


def problem_of(index: int, item: Item) -> InvalidArgumentError | None:
    """What is wrong with an item before anything is done with it; None if nothing is."""
    field = f"items[{index}]"
    if item.digest is None and item.content is None:
        violations = (Violation(f"{field}.picture", "must be set"),)
        message = f"{field} has neither digest nor content"
        return InvalidArgumentError(message, reason="PICTURE_REQUIRED", violations=violations)
    if None in item.allowed:
        violations = (Violation(f"{field}.parts", "must be parts of a dataset"),)
        message = f"{field} names a part that there is not"
        return InvalidArgumentError(message, reason="INVALID_PART", violations=violations)
    try:
        check_label(f"{field}.label", item.label)
        if item.digest is not None:
            check_digest(f"{field}.digest", item.digest)
    except InvalidArgumentError as error:
        return error
    return None


def not_cached(index: int, digest: bytes, views: int) -> NotFoundError:
    """The error of a digest that has no vector, or not that of each of so many views."""
    lack = f"lacks a cached vector of its own or of one of {views} views" if views else "has no cached vector"
    return NotFoundError(
        "vector",
        digest.hex(),
        f"items[{index}]: the picture with SHA-256 {digest.hex()} {lack}; send its bytes",
        reason="FEATURE_NOT_CACHED",
        metadata={"index": str(index), "digest": digest.hex()},
    )


def placed_elsewhere(index: int, digest: bytes, allowed: Iterable[Part | None]) -> FailedPreconditionError:
    """The error of a picture that is in the dataset already, in a part that its item does not name."""
    wished = " or ".join(part for part in allowed if part)
    problem = f"it is in another part of the dataset than {wished}, and stays there; remove it first to move it"
    return FailedPreconditionError(
        f"items[{index}] (sha256 {digest.hex()}): {problem}",
        reason="PLACED_ELSEWHERE",
        metadata={"index": str(index), "digest": digest.hex()},
        violations=(Violation(f"items[{index}].parts", problem),),
    )


def placed(index: int, digest: bytes, error: GraftError) -> GraftError:
    """The extractor's error of a picture, by its place in this message instead of that in what was sent on.

    Class, reason and whatever else the error tells, such as the pause before a retry, stay.
    """
    name = digest.hex() or error.metadata.get("digest", "unknown")
    sent_on = f"images[{error.metadata.get('index', '')}] (sha256 {name})"
    copy = error.placed(f"items[{index}] (sha256 {name})", instead_of=sent_on, index=str(index), digest=name)
    if isinstance(copy, InvalidArgumentError):
        copy.violations = tuple(Violation(f"items[{index}].content", each.description) for each in copy.violations)
    return copy

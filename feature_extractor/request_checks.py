"""What a request must keep to, checked before anything of it is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feature_extractor.cache.records import DIGEST_BYTES
from graft.errors import InvalidArgumentError, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DIGESTS = 100_000


def check_images(images: int, limit: int) -> None:
    """Raise InvalidArgumentError unless there are 1 to `limit` pictures."""
    if not images:
        raise InvalidArgumentError(
            "the request holds no picture", reason="NO_IMAGES", violations=(Violation("images", "must not be empty"),)
        )
    if images > limit:
        raise InvalidArgumentError(
            f"the request holds {images} pictures: send at most {limit} in one message",
            reason="TOO_MANY_IMAGES",
            violations=(Violation("images", f"must hold at most {limit}"),),
        )


def check_views(views: int, limit: int, field: str = "views") -> None:
    """Raise InvalidArgumentError if there are more than `limit` views."""
    if views > limit:
        raise InvalidArgumentError(
            f"the request asks for view {views}: a picture of this trunk has at most {limit}",
            reason="TOO_MANY_VIEWS",
            violations=(Violation(field, f"must be at most {limit}"),),
        )


def check_inputs(images: int, views: int, limit: int) -> None:
    """Raise InvalidArgumentError if pictures and their views are together more than `limit`; 0 is no limit."""
    inputs = images * (1 + views)
    if 0 < limit < inputs:
        raise InvalidArgumentError(
            f"{images} pictures with {views} views each are {inputs} inputs of the trunk: one call has at most "
            f"{limit}; send fewer pictures in one, or a stream",
            reason="TOO_MANY_INPUTS",
            violations=(Violation("images", f"must hold at most {max(1, limit // (1 + views))} with so many views"),),
        )


def check_digests(digests: Sequence[bytes]) -> None:
    """Raise InvalidArgumentError unless there are at most MAX_DIGESTS digests of 32 bytes."""
    if len(digests) > MAX_DIGESTS:
        raise InvalidArgumentError(
            f"the request holds {len(digests)} digests: send at most {MAX_DIGESTS} in one",
            reason="TOO_MANY_DIGESTS",
            violations=(Violation("digests", f"must hold at most {MAX_DIGESTS}"),),
        )
    for index, digest in enumerate(digests):
        if len(digest) != DIGEST_BYTES:
            raise InvalidArgumentError(
                f"digests[{index}] has {len(digest)} bytes: a SHA-256 has {DIGEST_BYTES}",
                reason="INVALID_DIGEST",
                violations=(Violation(f"digests[{index}]", f"must have {DIGEST_BYTES} bytes"),),
            )

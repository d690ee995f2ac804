"""Which extra views of each picture a call asks for, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from graft.errors import InvalidArgumentError, Violation

if TYPE_CHECKING:
    from graft.client.feature_records import Limits

_MOST_VIEWS: Final = 2**32 - 1
_LAST_SEED: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Views:
    """Extra views of every picture of a call: mirrored, cropped, scaled and brightened by the extractor.

    Attributes:
        count: how many, numbered from 1; 0 for none.
        seed: what they are drawn from beside the picture's digest, 0 to 2^64 - 1.

    Raises:
        InvalidArgumentError: reasons INVALID_VIEWS, INVALID_VIEW_SEED.
    """

    count: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_view("views", self.count)
        check_seed(self.seed)

    @property
    def vectors(self) -> int:
        """Vectors of each picture: its own and its views'."""
        return 1 + self.count

    def check(self, limits: Limits) -> None:
        """Refuse more than the extractor takes; one that knows no views takes none.

        Raises:
            InvalidArgumentError: reason TOO_MANY_VIEWS.
        """
        if self.count > limits.max_views:
            raise InvalidArgumentError(
                f"{self.count} views were asked for: the extractor takes at most {limits.max_views}",
                reason="TOO_MANY_VIEWS",
                violations=(Violation("views", f"must be at most {limits.max_views}"),),
            )


def check_view(field: str, number: int) -> None:
    """Refuse what is no number of views.

    Raises:
        InvalidArgumentError: reason INVALID_VIEWS.
    """
    if not 0 <= number <= _MOST_VIEWS:
        raise InvalidArgumentError(
            f"{field} is {number}: give 0 or more",
            reason="INVALID_VIEWS",
            violations=(Violation(field, "must be 0 or more"),),
        )


def check_seed(seed: int) -> None:
    """Refuse what is no seed.

    Raises:
        InvalidArgumentError: reason INVALID_VIEW_SEED.
    """
    if not 0 <= seed <= _LAST_SEED:
        raise InvalidArgumentError(
            f"view_seed is {seed}: give 0 to 2^64 - 1",
            reason="INVALID_VIEW_SEED",
            violations=(Violation("view_seed", "must be 0 to 2^64 - 1"),),
        )


NO_VIEWS: Final = Views()
"""The pictures as they are, nothing else."""

"""Ratios against what is promised; a ratio whose two sides did different work is refused. Pure functions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.sides import Work


@dataclass(frozen=True, slots=True)
class Ratio:
    """One comparison.

    Attributes:
        what: the two sides.
        value: their ratio, or the value that has a bound; None if it is refused.
        bound: what is promised; None if nothing is.
        at_least: whether the bound is a lower one.
        unit: of value and bound; `x` for a ratio.
        refused: why no ratio may be told; empty if one may.
    """

    what: str
    value: float | None
    bound: float | None = None
    at_least: bool = True
    unit: str = "x"
    refused: str = ""

    @property
    def met(self) -> bool:
        """Whether the bound is kept."""
        if self.value is None or self.bound is None:
            return False
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def to_json(self) -> dict[str, Any]:
        """All of it, and whether the bound is kept; None where there is no bound or no value."""
        judged = self.value is not None and self.bound is not None
        return {**asdict(self), "met": self.met if judged else None}


def quotient(what: str, upper: float | None, lower: float | None, bound: float | None, refused: str = "") -> Ratio:
    """The ratio upper / lower, with a lower bound."""
    if refused or not upper or not lower:
        return Ratio(what, None, bound, refused=refused or "one of the two was not measured")
    return Ratio(what, upper / lower, bound)


def at_least(what: str, value: float | None, bound: float, unit: str, refused: str = "") -> Ratio:
    """A value with a lower bound."""
    if refused or value is None:
        return Ratio(what, None, bound, unit=unit, refused=refused or "it was not measured")
    return Ratio(what, value, bound, unit=unit)


def within(what: str, value: float | None, bound: float | None, unit: str, refused: str = "") -> Ratio:
    """A value with an upper bound."""
    if refused or value is None or bound is None:
        return Ratio(what, None, bound, at_least=False, unit=unit, refused=refused or "something was not measured")
    return Ratio(what, value, bound, at_least=False, unit=unit)


def same_trunk(one: Work, other: Work) -> str:
    """Why two sides with one trunk may not be compared; empty if they may."""
    if one.fingerprint != other.fingerprint or not one.fingerprint:
        return f"{one.name} has fingerprint {one.fingerprint or 'none'}, {other.name} {other.fingerprint or 'none'}"
    return _faults(one, other)


def same_network(one: Work, other: Work) -> str:
    """Why two sides that need only have the network's shape in common may not be compared; empty if they may."""
    if (one.layer, one.dimensions) != (other.layer, other.dimensions):
        return (
            f"{one.name} is cut at {one.layer} ({one.dimensions}), {other.name} at {other.layer} ({other.dimensions})"
        )
    return _faults(one, other)


def same_weights(one: Work, other: Work) -> str:
    """Why two precisions of one network may not be compared; empty if they may."""
    if one.weights != other.weights or not one.weights:
        return f"{one.name} and {other.name} have other weights"
    return same_network(one, other)


def _faults(*works: Work) -> str:
    return "; ".join(f"{work.name}: {fault}" for work in works for fault in work.faults)

"""What a run has found, by name, with its unit; and the table of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.targets import Ratio

PICTURES_A_SECOND = "pictures/s"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        what: what was measured.
        value: the median of the rounds, or the one measurement; None where there is none.
        unit: of the value.
        rounds: each round's value.
        generator_share: the load generator's largest share of the processors, 0 to 1; None where there was none.
        note: why there is no value, or what else to know.
    """

    what: str
    value: float | None
    unit: str
    rounds: tuple[float, ...] = ()
    generator_share: float | None = None
    note: str = ""


class Figures:
    """The figures of one run, in the order in which they were found; each is shown at once."""

    def __init__(self) -> None:
        self._found: dict[str, Figure] = {}

    def add(self, figure: Figure) -> None:
        """Keep and show."""
        self._found[figure.what] = figure
        print(line_of(figure), flush=True)

    def value(self, what: str) -> float | None:
        """A figure's value; None if there is none."""
        figure = self._found.get(what)
        return figure.value if figure else None

    def to_json(self) -> list[dict[str, Any]]:
        """All of them."""
        return [asdict(figure) for figure in self._found.values()]


def line_of(figure: Figure) -> str:
    """One line: name, value, unit, the rounds' spread, the generator's share."""
    value = f"{figure.value:>12,.2f}" if figure.value is not None else f"{'-':>12}"
    more = [figure.note] if figure.note else []
    if len(figure.rounds) > 1:
        more.append(f"{min(figure.rounds):,.1f} to {max(figure.rounds):,.1f}")
    if figure.generator_share is not None:
        more.append(f"generator {figure.generator_share:.1%} of the cores")
    return f"  {figure.what:<66}{value} {figure.unit:<11}{'; '.join(more)}"


def ratio_line(ratio: Ratio) -> str:
    """One line: name, value, bound, and whether it is kept or why nobody can tell."""
    value = "-" if ratio.value is None else f"{ratio.value:,.2f}"
    bound = ""
    if ratio.bound is not None:
        bound = f"{'≥' if ratio.at_least else '≤'} {ratio.bound:,.2f} {ratio.unit}"
    verdict = "" if ratio.bound is None else "met" if ratio.met else "MISSED"
    if ratio.refused:
        verdict = f"refused: {ratio.refused}"
    return f"  {ratio.what:<72}{value:>10}     {bound:<15}{verdict}".rstrip()

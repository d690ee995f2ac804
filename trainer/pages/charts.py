"""Charts as SVG, drawn by matplotlib without its global state: no window, no current figure."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STYLE: Final = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the reader's font
    "svg.hashsalt": "graft",  # the same chart has the same bytes
    "text.parse_math": False,  # a `$` in a label is a dollar
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
}
_COLOURS: Final = ("#1b6ca8", "#d1495b", "#3c896d", "#edae49", "#775690", "#5f6c7b")
_MAX_NAME: Final = 24
_MAX_WRITTEN: Final = 25  # a matrix of more labels has no numbers and no names: they would cover each other


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart.

    Attributes:
        name: for the legend; empty has no entry.
        x: values from left to right.
        y: as many.
        low: lower ends of an interval around each y; empty for none.
        high: upper ends.
        marked: a dot on each point.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """How a chart is drawn.

    Attributes:
        x_title: under the horizontal axis.
        y_title: beside the vertical one.
        y_range: its ends; None is as the values are.
        x_log: the horizontal axis is logarithmic.
        level: a horizontal line at this y; None has none.
        diagonal: a line from (0, 0) to (1, 1).
        size: width and height, inches of 72 px.
    """

    x_title: str
    y_title: str
    y_range: tuple[float, float] | None = None
    x_log: bool = False
    level: float | None = None
    diagonal: bool = False
    size: tuple[float, float] = field(default=(6.4, 3.6))


def lines(series: Sequence[Series], axes: Axes) -> str:
    """Lines with their intervals as bands."""
    with _figure(axes.size) as (figure, drawing):
        for each, colour in zip(series, _COLOURS * len(series), strict=False):
            drawing.plot(each.x, each.y, color=colour, label=each.name or None, marker="o" if each.marked else None)
            if each.low:
                drawing.fill_between(each.x, each.low, each.high, color=colour, alpha=0.15, linewidth=0)
        if axes.diagonal:
            drawing.plot([0, 1], [0, 1], color="#999999", linestyle="--", linewidth=1)
        if axes.level is not None:
            drawing.axhline(axes.level, color="#999999", linestyle="--", linewidth=1)
        if axes.x_log:
            _log_axis(drawing, sorted({value for each in series for value in each.x}))
        if axes.y_range:
            drawing.set_ylim(*axes.y_range)
        drawing.set_xlabel(axes.x_title)
        drawing.set_ylabel(axes.y_title)
        if any(each.name for each in series):
            drawing.legend(frameon=False)
        return _svg_of(figure)


def bars(names: Sequence[str], values: Sequence[float], title: str) -> str:
    """Horizontal bars, the first at the top."""
    with _figure((6.4, 0.6 + 0.26 * len(names))) as (figure, drawing):
        drawing.barh(range(len(names)), values, color=_COLOURS[0])
        drawing.set_yticks(range(len(names)), [_short(name) for name in names])
        drawing.invert_yaxis()
        drawing.set_xlabel(title)
        drawing.grid(visible=False, axis="y")
        return _svg_of(figure)


def matrix(counts: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """A confusion matrix: rows are the true labels, columns the answers; each row's shade is its share."""
    side = min(9.0, 1.8 + 0.34 * len(labels))
    with _figure((side, side)) as (figure, drawing):
        shares = [[count / max(1, sum(row)) for count in row] for row in counts]
        drawing.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        drawing.grid(visible=False)
        drawing.set_xlabel("answer")
        drawing.set_ylabel("true label")
        if len(labels) > _MAX_WRITTEN:
            drawing.set_xticks([])
            drawing.set_yticks([])
            return _svg_of(figure)
        names = [_short(label) for label in labels]
        drawing.set_xticks(range(len(names)), names, rotation=90)
        drawing.set_yticks(range(len(names)), names)
        for row, (row_counts, row_shares) in enumerate(zip(counts, shares, strict=True)):
            for column, (count, share) in enumerate(zip(row_counts, row_shares, strict=True)):
                if count:
                    colour = "white" if share > 0.5 else "black"  # noqa: PLR2004 - where the shade turns dark
                    drawing.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=7)
        return _svg_of(figure)


def _log_axis(drawing: Any, places: Sequence[float]) -> None:
    """A logarithmic axis that names the places that were measured."""
    drawing.set_xscale("log")
    drawing.set_xticks(places, [f"{place:g}" for place in places])
    drawing.minorticks_off()


def _short(text: str) -> str:
    """Text of a length that fits beside a chart."""
    return text if len(text) <= _MAX_NAME else f"{text[: _MAX_NAME - 1]}…"


@contextmanager
def _figure(size: tuple[float, float]) -> Iterator[tuple[Any, Any]]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure, figure.add_subplot()


def _svg_of(figure: Any) -> str:
    """The figure as an element of a page: without the header of a file, as wide as there is room."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    return text[text.index("<svg") :]

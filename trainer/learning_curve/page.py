"""A learning curve as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.pages.charts import Axes, Series, lines
from trainer.pages.rendering import render, svg

if TYPE_CHECKING:
    from trainer.learning_curve.measuring import LearningCurve


def learning_curve_page(curve: LearningCurve) -> bytes:
    """Return one self-contained HTML file."""
    points = curve.points
    drawn = Series(
        "",
        [point.per_class for point in points],
        [point.accuracy for point in points],
        [point.low for point in points],
        [point.high for point in points],
        marked=True,
    )
    axes = Axes("pictures a class", "accuracy", (0, 1.02), x_log=True, level=curve.wished_accuracy)
    return render("learning_curve.html", curve=curve, chart=svg(lines([drawn], axes)))

"""Pages and charts: nothing of a label or a picture can leave its place, and nothing is fetched."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from jinja2 import UndefinedError

from trainer.pages.charts import Axes, Series, bars, lines, matrix
from trainer.pages.rendering import picture, render

HOSTILE = '<img src=x onerror="alert(1)">&$x^2$'


DOLLARS = "US$ 5 to US$ 10"


@pytest.mark.parametrize(
    "drawing",
    [
        lines([Series(HOSTILE, [5, 10], [0.5, 0.7], [0.4, 0.6], [0.6, 0.8], marked=True)], Axes(HOSTILE, "y", (0, 1))),
        bars([HOSTILE, "b"], [1, 2], "pictures"),
        matrix([[3, 1], [0, 4]], [HOSTILE, "b"]),
    ],
)
def test_a_chart_is_well_formed_and_holds_labels_as_text(drawing: str) -> None:
    """Whatever is in a label, it is no element."""
    assert "<img" not in drawing
    assert any(text.startswith("<img src=x onerror=") for text in texts(drawing))


def test_a_dollar_is_a_dollar() -> None:
    """Nothing between two of them is taken for mathematics."""
    drawn = lines([Series("a", [1, 2], [1, 2])], Axes(DOLLARS, DOLLARS))
    assert texts(drawn).count(DOLLARS) == 2
    assert DOLLARS in texts(bars([DOLLARS], [1], "x"))


def test_the_same_chart_has_the_same_bytes() -> None:
    """No date, no random ids: a report can be compared with itself."""
    axes = Axes("x", "y", x_log=True, level=0.9, diagonal=True)
    assert lines([Series("a", [1, 2], [1, 2])], axes) == lines([Series("a", [1, 2], [1, 2])], axes)


def test_a_large_matrix_has_no_numbers() -> None:
    """Of 40 labels the numbers would cover each other; the shades tell enough."""
    few, many = ([[10 * (row == column) for column in range(count)] for row in range(count)] for count in (3, 40))
    assert texts(matrix(few, ["a", "b", "c"])).count("10") == 3
    assert set(texts(matrix(many, [str(number) for number in range(40)]))) == {"answer", "true label"}


def texts(drawing: str) -> list[str]:
    """What is written in a chart."""
    root = ET.fromstring(drawing)  # noqa: S314 - drawn here
    return ["".join(each.itertext()).strip() for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_page_lets_nothing_be_fetched() -> None:
    """Its policy forbids what is not inside it, and it asks for nothing."""
    page = render("page.html").decode()
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=\"?(https?:)?//", page)


def test_a_value_that_is_not_given_is_an_error() -> None:
    """A page never has a hole that nobody notices."""
    with pytest.raises(UndefinedError):
        render("learning_curve.html")


def test_a_preview_is_inside_the_page() -> None:
    """Its bytes are its address; none is no address."""
    assert picture(b"\xff\xd8") == "data:image/jpeg;base64,/9g="
    assert picture(b"") == ""

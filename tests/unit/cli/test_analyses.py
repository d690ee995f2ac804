"""Commands that have the trainer find something out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def test_a_learning_curve_is_a_table_a_sentence_and_a_page(graft: Any, gateway: Any, tmp_path: Path) -> None:
    """Every point is a line; the number needed is said in pictures, and that it is a guess; the page is written."""
    gateway.state.datasets["faces"] = {}
    page = tmp_path / "curve.html"
    done = graft("learning-curve", "faces", "--counts", "5,20", "--repeats", "2", "--page", page)
    assert done.exit_code == 0, done.output
    assert "75.0 %" in done.stdout
    assert "87.5 %" in done.stdout
    assert "93.0 % takes about 60 pictures a class, 120 in all, a guess beyond what was measured" in done.stdout
    assert page.read_bytes() == b"<html>"
    assert list(gateway.state.requests[-1].counts) == [5, 20]


def test_a_learning_curve_as_json_has_no_page(graft: Any) -> None:
    """Programs get the figures."""
    found = json.loads(graft("learning-curve", "unsure", "--json").stdout)
    assert found["pictures_needed_per_class"] is None
    assert [each["accuracy"] for each in found["points"]] == [0.75, 0.875]
    assert "page" not in found


def test_a_curve_that_does_not_tell_is_said_to(graft: Any) -> None:
    """No number is made up."""
    assert "cannot be told from this curve" in graft("learning-curve", "unsure").stdout


def test_a_page_that_cannot_be_written_is_named(graft: Any, tmp_path: Path) -> None:
    """One line with the file that was asked for."""
    done = graft("learning-curve", "unsure", "--page", tmp_path / "nowhere" / "curve.html")
    assert done.exit_code == 1
    assert "nowhere/curve.html" in done.output


def test_counts_that_are_no_numbers_are_refused(graft: Any) -> None:
    """As every wrong option is."""
    assert graft("learning-curve", "unsure", "--counts", "5,many").exit_code == 2

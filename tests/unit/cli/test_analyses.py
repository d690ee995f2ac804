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


def test_a_folder_is_imported_and_compared(graft: Any, gateway: Any, folder: Path) -> None:
    """It becomes a dataset of its own name; a line for each method with its times."""
    done = graft("compare", folder, "--methods", "hog, mlp", "--folds", "2", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert set(gateway.state.datasets) == {"pictures"}
    assert "4 added" in done.stderr
    hog, mlp = (line.split() for line in done.stdout.splitlines() if line.startswith(("hog", "mlp")))
    assert "62.5" in hog
    assert "1.5" in hog
    assert "87.5" in mlp
    assert "cached" in mlp
    asked = gateway.state.requests[-1]
    assert (asked.dataset, list(asked.methods), asked.folds, asked.seed) == ("pictures", ["hog", "mlp"], 2, 3)


def test_a_folder_compared_as_json_is_json_alone(graft: Any, gateway: Any, folder: Path) -> None:
    """What the import says goes to standard error."""
    found = json.loads(graft("compare", folder, "--dataset", "four", "--json").stdout)
    assert found["dataset"] == "four"
    assert [each["name"] for each in found["methods"]] == ["hog", "mlp"]
    assert set(gateway.state.datasets) == {"four"}


def test_a_dataset_is_compared_as_it_is(graft: Any, gateway: Any) -> None:
    """A name that is no folder is a dataset's; an unknown one is an error."""
    gateway.state.datasets["faces"] = {}
    assert graft("compare", "faces").exit_code == 0
    done = graft("compare", "nobody")
    assert done.exit_code == 1
    assert "nobody" in done.output


def test_a_report_is_written_under_the_versions_name(graft: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Of the production version if none is named; to the file asked for."""
    monkeypatch.chdir(tmp_path)
    assert graft("report", "faces").exit_code == 0
    assert (tmp_path / "faces-1.html").read_bytes() == b"<html>faces 1"
    assert graft("report", "faces@2", "--to", tmp_path / "two.html").exit_code == 0
    assert (tmp_path / "two.html").read_bytes() == b"<html>faces 2"


def test_a_report_of_an_alias_that_is_not_there_is_refused(graft: Any) -> None:
    """One line that names it."""
    done = graft("report", "faces@staging")
    assert done.exit_code == 1
    assert "faces has no alias 'staging': name a version" in done.output

"""What a search found, for people; and the options that name recipes."""

from __future__ import annotations

import pytest
import typer

from graft.cli.recipe_options import units, version_name
from graft.cli.search_table import described, print_search
from graft.client import Recipe, Search, Trial

_LDA = Recipe(kind="lda", shrinkage=0.0)
_MLP = Recipe(kind="mlp", no_hidden_layers=True, dropout=0.5)


def test_the_table_tells_what_was_tried_cut_and_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    """A row for each trial, what there was no time for, and the choice with its factors."""
    chosen = Recipe(kind="average", members=(_LDA, _MLP), factors=(0.25, 1.0))
    print_search(Search(chosen, (Trial(_LDA, 1, 5, 0.843, 0.5456, 0.1),), (_MLP,), 345, 5, 8.4))
    printed = capsys.readouterr().out
    assert "84.3 %" in printed
    assert "0.5456" in printed
    assert "no time for 1 more: mlp without hidden layers dropout=0.5" in printed
    assert "345 pictures in 8.4 s: 0.25 x lda shrinkage by Ledoit and Wolf + 1 x mlp" in printed


def test_a_recipe_in_a_line() -> None:
    """Kind, layers and what candidates differ in."""
    assert described(Recipe(kind="mlp", hidden_units=(512, 128), epochs=30)) == "mlp 512,128 epochs=30"
    assert described(Recipe(kind="lda", shrinkage=0.3)) == "lda shrinkage=0.3"


def test_options_are_read() -> None:
    """Widths, none of them, and the version to repeat; what cannot be read is refused."""
    assert (units("512, 128"), units("none"), units("")) == ((512, 128), (), ())
    assert (version_name("faces@3"), version_name("")) == (("faces", 3), None)
    for wrong in ("faces", "faces@0", "@1", "faces@x"):
        with pytest.raises(typer.BadParameter):
            version_name(wrong)
    with pytest.raises(typer.BadParameter):
        units("5,x")

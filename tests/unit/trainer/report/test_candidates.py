"""The rows of what a search tried."""

from __future__ import annotations

from typing import Any

from trainer.report.candidates import rows


def _trial(folds: int, log_loss: float, **recipe: Any) -> dict[str, Any]:
    return {"recipe": recipe, "folds": folds, "log_loss": log_loss}


def test_a_row_tells_what_its_candidate_differs_in() -> None:
    """Settings that all of a kind share are left out, those of another kind do not matter, members stay."""
    found = rows(
        [
            _trial(1, 0.5, kind="mlp", hidden_units=[], dropout=0.2, seed=0),
            _trial(1, 0.4, kind="mlp", hidden_units=[8], dropout=0.2, seed=0),
            _trial(5, 0.6, kind="lda", shrinkage=0.1, seed=0),
            _trial(5, 0.7, kind="lda", shrinkage=0.2, seed=0),
            _trial(5, 0.3, kind="average", members=[{"kind": "lda"}], factors=[1.0]),
        ]
    )
    assert [each["recipe"] for each in found] == [
        {"kind": "average", "members": [{"kind": "lda"}]},
        {"kind": "lda", "shrinkage": 0.1},
        {"kind": "lda", "shrinkage": 0.2},
        {"kind": "mlp", "hidden_units": [8]},
        {"kind": "mlp", "hidden_units": []},
    ]

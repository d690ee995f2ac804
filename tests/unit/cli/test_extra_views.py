"""Extra views of pictures on the command line, against a fake gateway."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def test_import_keeps_extra_views_too(graft: Any, gateway: Any, folder: Path) -> None:
    """Views of a seed are computed once; too many are one clear line."""
    graft("import", "faces", folder)
    with_views = json.loads(graft("import", "faces", folder, "--views", 2, "--view-seed", 2**64 - 1, "--json").stdout)
    assert (with_views["unchanged"], with_views["computed"]) == (4, 4)
    assert {(seed, number) for _, seed, number in gateway.state.views} == {(2**64 - 1, 1), (2**64 - 1, 2)}
    again = graft("import", "faces", folder, "--views", 2, "--view-seed", 2**64 - 1)
    assert "4 unchanged, 1 refused; 0 computed" in again.stdout
    refused = graft("import", "faces", folder, "--views", 9)
    assert refused.exit_code == 1
    assert "graft: 9 views were asked for: the extractor takes at most 8 [TOO_MANY_VIEWS]\n" in refused.stderr
    graft("import", "new", folder, "--views", 9)
    assert list(gateway.state.datasets) == ["faces"]  # no empty one is left behind
    assert graft("import", "faces", folder, "--views", -1).exit_code == 2


def test_extract_writes_the_rows_of_extra_views_after_their_picture(
    graft: Any, gateway: Any, folder: Path, tmp_path: Path
) -> None:
    """The number of each row's view says which it is; rule and seed say how it was drawn."""
    out = tmp_path / "vectors.npz"
    result = graft("extract", folder, "--views", 2, "--view-seed", 7, "--out", out)
    assert f"{out}: 12 vectors of 4 pictures" in result.stdout
    with np.load(out, allow_pickle=False) as stored:
        assert list(stored["views"]) == [0, 1, 2] * 4
        assert (str(stored["view_rule"]), int(stored["view_seed"])) == ("retrain-views-v1", 7)
        assert stored["vectors"].shape == (12, 4)
        assert list(stored["names"][:4]) == ["ann/1.jpg"] * 3 + ["ann/2.jpg"]
        assert list(stored["labels"]) == ["ann"] * 6 + ["bob"] * 6
        for digest, view, vector in zip(stored["digests"], stored["views"], stored["vectors"], strict=True):
            key = digest.tobytes()
            expected = gateway.state.views[key, 7, int(view)] if view else gateway.state.cache[key]
            assert vector.tobytes() == expected
    graft("extract", folder, "--out", out)
    with np.load(out, allow_pickle=False) as stored:
        assert list(stored["views"]) == [0] * 4

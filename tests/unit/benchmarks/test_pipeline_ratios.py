"""The pipeline's ratios, refused where the sides did different work."""

from __future__ import annotations

import pipeline
from bench.measurements import Rate

ALONE = {"fingerprint": "ab", "rate": 40.0}
MANY, NEW, CACHED = Rate("callers", 36.0, 192, 192), Rate("stream", 38.0, 192, 192), Rate("cached", 7600.0, 1536, 0)


def refused(fingerprint: str = "ab", many: Rate = MANY, new: Rate = NEW, cached: Rate = CACHED) -> list[str]:
    """Why each of the two ratios is refused."""
    return [each.refused for each in pipeline.ratios(ALONE, fingerprint, many, new, cached)]


def test_ratios_of_equal_work_are_told() -> None:
    """0.9 of the trunk alone; 200 times the stream."""
    assert [each.value for each in pipeline.ratios(ALONE, "ab", MANY, NEW, CACHED)] == [0.9, 200.0]


def test_each_ratio_is_refused_for_its_own_fault() -> None:
    """Another trunk, pictures that were not computed, cached ones that were."""
    assert refused(fingerprint="cd") == ["the trunk alone is ab", ""]
    assert refused(many=Rate("callers", 36.0, 192, 190)) == ["190 of 192 pictures were computed", ""]
    assert refused(new=Rate("stream", 38.0, 192, 100)) == ["", "100 of 192 pictures were computed"]
    assert refused(cached=Rate("cached", 7600.0, 1536, 4)) == ["", "4 pictures of the cached stream were computed"]

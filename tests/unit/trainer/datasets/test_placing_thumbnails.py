"""Thumbnails that are kept: read once, within a limit, and again where there was no preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from trainer.datasets import placing_thumbnails
from trainer.datasets.placing_thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.diagnosis.thumbnails import ByteArray


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the digests whose previews were read; a preview holds the first value of its thumbnail."""
    every: list[bytes] = []

    def read(
        previews: Callable[[Sequence[bytes]], list[bytes]],
        digests: Sequence[bytes],
        report: Callable[[int, int], None],
    ) -> ByteArray:
        every.extend(digests)
        rows = np.zeros((len(digests), 1024), np.uint8)
        for row, preview in zip(rows, previews(digests), strict=True):
            if preview:
                row[0] = preview[0]
        report(len(digests), len(digests))
        return rows

    monkeypatch.setattr(placing_thumbnails, "read_thumbnails", read)
    return every


def test_each_thumbnail_is_read_once(asked: list[bytes]) -> None:
    """Rows come in the order asked for, whether they were known or not."""
    thumbnails = Thumbnails(list)
    assert thumbnails.read([b"3", b"1"])[:, 0].tolist() == [ord("3"), ord("1")]
    assert thumbnails.read([b"1", b"2", b"3"])[:, 0].tolist() == [ord("1"), ord("2"), ord("3")]
    assert asked == [b"3", b"1", b"2"]


def test_a_preview_may_come_later(asked: list[bytes]) -> None:
    """A picture without one has a row of zeros, and is asked for again."""
    there = [b""]
    thumbnails = Thumbnails(lambda digests: there * len(digests))
    assert not thumbnails.read([b"1"]).any()
    there[0] = b"7"
    assert thumbnails.read([b"1"])[0, 0] == ord("7")
    assert asked == [b"1", b"1"]


def test_no_more_than_the_limit_is_kept(asked: list[bytes]) -> None:
    """The first that were read go first; what was asked for is all there."""
    thumbnails = Thumbnails(list, kept=2)
    assert thumbnails.read([b"1", b"2", b"3"])[:, 0].tolist() == [49, 50, 51]
    thumbnails.read([b"2", b"3"])
    thumbnails.read([b"1"])
    assert asked == [b"1", b"2", b"3", b"1"]

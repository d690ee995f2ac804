"""A diagnosis as a page, with the previews of the pictures that it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.diagnosis.findings import ADVICE
from trainer.pages.rendering import render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.diagnosis.findings import Diagnosis

SHOWN: Final = 50
"""Findings of each kind on the page: some 10 MB of previews at most."""

MAX_PREVIEW_BYTES: Final = 12 * 1024 * 1024
"""Previews on the page, in all; those after are left out, so that the page fits into a message."""


def diagnosis_page(diagnosis: Diagnosis, previews: Callable[[Sequence[bytes]], list[bytes]]) -> bytes:
    """Return one self-contained HTML file.

    Args:
        diagnosis: what to show.
        previews: returns the JPEG of each digest, empty for one that has none.
    """
    digests = list(
        dict.fromkeys(
            picture.digest
            for each in diagnosis.lists
            for finding in each.findings[:SHOWN]
            for picture in finding.pictures
        )
    )
    shown: dict[bytes, bytes] = {}
    left = MAX_PREVIEW_BYTES
    for digest, jpeg in zip(digests, previews(digests), strict=True):
        left -= len(jpeg)
        if left >= 0:
            shown[digest] = jpeg
    return render("diagnosis.html", diagnosis=diagnosis, previews=shown, advice=ADVICE, limit=SHOWN)

"""Places and bounds of a size to reckon with, and a line that tells who was started."""

from __future__ import annotations

from feature_extractor.pipeline.admission import Admission, Bounds, Place
from feature_extractor.pipeline.lanes import Lane

CALL = Place(Lane.INTERACTIVE, patient=False, pictures=1, size_bytes=10)
BULK_CALL = Place(Lane.BULK, patient=False, pictures=1, size_bytes=10)
STREAM = Place(Lane.BULK, patient=True, pictures=1, size_bytes=10)
WIDE = 10**9


def bounds(pictures: int = WIDE, **others: int) -> Bounds:
    """Bounds that do not bind, but for those given."""
    wide = {"size_bytes": WIDE, "lane_pictures": WIDE, "lane_bytes": WIDE, "patient_pictures": WIDE}
    return Bounds(pictures=pictures, **{**wide, **others})


def enter_all(admission: Admission, places: list[Place]) -> list[int]:
    """Put these in line; the list names, by number, those that have started, now or later."""
    started: list[int] = []
    for number, place in enumerate(places):
        admission.enter_in_line(place, lambda _, number=number: started.append(number), f"token {number}")  # type: ignore[misc]  # binds the loop's value
    return started

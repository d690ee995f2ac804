"""What a call asks for, what it holds while it waits, and the counters of all calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from feature_extractor.pipeline.lanes import Lane

if TYPE_CHECKING:
    from concurrent.futures import Future

    from feature_extractor.decoding.views import View
    from feature_extractor.pipeline.flights import Extracted
    from feature_extractor.pipeline.timings import Timings


@dataclass(frozen=True, slots=True)
class ExtractionStats:
    """The pipeline at one moment; all but the first three count pictures and views since the start.

    Attributes:
        in_flight: pictures and views admitted and not stored or failed yet.
        in_flight_bytes: bytes of their files.
        waiting: pictures and views in line for admission.
        cached: answered out of the cache.
        computed: vectors computed.
        joined: those that shared the computing of an identical one.
        refused: refused because too much was under way.
        invalid: not decodable, or past a limit; counts pictures alone, whatever views were asked for.
        failed: the decoder or the trunk failed on them, or they were caught in the stop of the extractor.
        dropped: nobody wanted them any more when they came, in line, before decoding or before the trunk.
        wasted: computed, but by then nobody wanted them any more.
        not_stored: computed, but the cache could not take them.
    """

    in_flight: int
    in_flight_bytes: int
    waiting: int
    cached: int
    computed: int
    joined: int
    refused: int
    invalid: int
    failed: int
    dropped: int
    wasted: int
    not_stored: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a call asks for, for all of its pictures.

    Attributes:
        lane: whom they wait behind.
        deadline: time.monotonic() after which no work is begun for this call; None is never.
        durable: answer when the vector is on disk; otherwise as soon as it exists, stored or not.
        patient: wait in line while too much is under way; otherwise the call is refused at once, as a whole.
        views: extra views of each picture.
    """

    lane: Lane = Lane.INTERACTIVE
    deadline: float | None = None
    durable: bool = False
    patient: bool = False
    views: tuple[View, ...] = ()


PLAIN = Terms()
"""One interactive caller who waits as long as it takes."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One picture of a call.

    Attributes:
        digest: SHA-256 of its bytes, 32 raw bytes.
        futures: of the picture itself, then of its views. Cancelling one drops the input if it is not in the trunk yet
            and nobody else waits for it.
        looked_up: what the look-up took, for all pictures of the call together.
    """

    digest: bytes
    futures: tuple[Future[Extracted], ...]
    looked_up: Timings

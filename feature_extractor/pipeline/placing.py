"""Gets a claimed picture its place: at once, or in line until there is room or nobody waits for it any more."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from feature_extractor.pipeline.admission import Place
from feature_extractor.pipeline.work import Work

if TYPE_CHECKING:
    from concurrent.futures import Future

    from feature_extractor.pipeline.admission import Admission
    from feature_extractor.pipeline.calls import Terms
    from feature_extractor.pipeline.computation import Computation
    from feature_extractor.pipeline.flights import Extracted, Flight, Flights
    from feature_extractor.tally import Tally


class Placing:
    """Between the claim of a picture and its computation.

    Args:
        admission: who is let in.
        computation: what is started with a place.
        flights: asked whether a picture in line is wanted still.
        tally: counts dropped.
    """

    def __init__(self, admission: Admission, computation: Computation, flights: Flights, tally: Tally) -> None:
        self._admission = admission
        self._computation = computation
        self._flights = flights
        self._tally = tally

    def begin(self, work: Work, terms: Terms) -> None:
        """Start a picture, whose place is taken already unless its call is patient: then it goes in line."""
        whole = Place(terms.lane, terms.patient, len(work.flights), len(work.content))
        if not terms.patient:
            self._start(work, whole)
            return
        ticket = self._admission.enter_in_line(whole, partial(self._start, work), work)
        for flight, _ in work.flights:
            flight.ticket = ticket
        if work.lane is not terms.lane:  # raised before it was in line
            self._admission.hasten(lambda token: token is work)

    def watch(self, flight: Flight, future: Future[Extracted]) -> None:
        """Have the picture leave the line if this caller goes away and was the last."""
        future.add_done_callback(partial(self._done, flight))

    def _start(self, work: Work, whole: Place) -> None:
        """Give each flight its part of the picture's place, which is taken, and send them on their way."""
        for number, (flight, _) in enumerate(work.flights):
            # The first of them answers for the bytes of all: they are one file.
            flight.place = replace(whole, pictures=1, size_bytes=0 if number else whole.size_bytes)
        self._computation.start(work)

    def _done(self, flight: Flight, future: Future[Extracted]) -> None:
        """Drop what nobody waits for any more out of the line: it would keep the picture's bytes until its turn."""
        if not future.cancelled():
            return
        work = self._admission.in_line(flight.ticket)
        if not isinstance(work, Work) or any(self._flights.wanted(each) for each, _ in work.flights):
            return
        if self._admission.withdraw(flight.ticket):
            self._tally.add("dropped", len(work.flights))

"""The whole pipeline under any mix of calls, departures and failures: all are answered and nothing is left over."""

from __future__ import annotations

import logging
import random
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline_bench import Bench, expected_vector
from schedules import CONTENTS, GOOD, STEPS, Call, Player

from feature_extractor.pipeline.admission import Bounds
from feature_extractor.pipeline.lanes import Lane

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = Bounds(8, 300, 6, 220, patient_pictures=4)


@contextmanager
def nothing_goes_wrong_unseen() -> Iterator[None]:
    """Fail if a thread dies, a callback raises, a future is answered twice or a job of the pool raises."""
    complaints: list[str] = []

    class Complaints(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append(record.getMessage())

    handler = Complaints(logging.ERROR)
    hook = threading.excepthook
    threading.excepthook = lambda arguments: complaints.append(repr(arguments.exc_value))
    loggers = [logging.getLogger("concurrent.futures"), logging.getLogger("feature_extractor.pipeline.decode_pool")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        threading.excepthook = hook
        for logger in loggers:
            logger.removeHandler(handler)
    assert complaints == []


@settings(deadline=None, max_examples=150)
@given(steps=STEPS, concurrency=st.integers(1, 2), threads=st.integers(1, 3))
def test_everybody_is_answered_and_nothing_is_left_under_way(
    steps: list[Call | str | int], concurrency: int, threads: int
) -> None:
    """Every future is answered once with its vector or an error it may have, and the extractor is as good as new."""
    with nothing_goes_wrong_unseen(), closing(Bench(bounds=SMALL, concurrency=concurrency, threads=threads)) as bench:
        player = Player(bench)
        for step in steps:
            player.play(step)
        player.finish()
        player.judge()
        for content in GOOD:
            player.play(Call((content,), Lane.BULK, None, durable=True, patient=True, views=1, seed=0))
        player.finish()
        for asked in player.asked[-2 * len(GOOD) :]:
            assert asked.future.result(0).vector.tolist() == expected_vector(asked.content, asked.view)


@settings(deadline=None, max_examples=80)
@given(before=STEPS, after=STEPS)
def test_closing_at_any_moment_answers_everybody(before: list[Call | str | int], after: list[Call | str | int]) -> None:
    """Whatever is under way when the extractor stops, everybody is told something and every place is given back."""
    with nothing_goes_wrong_unseen(), closing(Bench(bounds=SMALL)) as bench:
        player = Player(bench)
        for step in (*before, "close extraction", *after):
            player.play(step)
        player.finish()
        player.judge()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_callers_of_many_threads_do_not_get_in_each_others_way(seed: int) -> None:
    """Four threads that call, cancel and let time pass at once leave nothing under way either."""
    with nothing_goes_wrong_unseen(), closing(Bench(bounds=SMALL, concurrency=2)) as bench:
        players = [Player(bench) for _ in range(4)]
        together = threading.Barrier(len(players))

        def run(player: Player, chance: random.Random) -> None:
            together.wait()
            for _ in range(25):
                player.play(_random_step(chance))

        threads = [
            threading.Thread(target=run, args=(player, random.Random(seed + number)))  # noqa: S311  # no secret
            for number, player in enumerate(players)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        players[0].finish()
        for player in players:
            player.judge()


def _random_step(chance: random.Random) -> Call | str | int:
    if chance.random() < 0.3:
        return chance.randrange(200)
    if chance.random() < 0.1:
        return "await time"
    return Call(
        tuple(chance.choices(CONTENTS, k=chance.randint(1, 5))),
        chance.choice(list(Lane)),
        chance.choice([None, 3.0, 1000.0]),
        durable=chance.random() < 0.5,
        patient=chance.random() < 0.5,
        views=chance.randint(0, 3),
        seed=chance.randint(0, 1),
    )

"""The batcher: a fault beside the trunk fails those it concerns, and never the thread."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Any, NoReturn

import pytest
from gates import SOON_S
from held_trunk import Trunk, busy, frozen, picture, value_of, wanted

from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.pipeline.pace import Pace


def fail(*_: object) -> NoReturn:
    """A fault."""
    raise MemoryError("a fault")


class Uncopyable:
    """Vectors that there is no memory to copy, but for the first."""

    def __init__(self, vectors: Any) -> None:
        self._rows: list[Any] = list(vectors)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Any:
        yield self._rows[0]
        fail()


def test_a_vector_is_answered_although_nobody_could_be_told_of_the_batch(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that raises costs a line in the log: this batch's vectors are there, and so is the next batch's."""
    with caplog.at_level(logging.ERROR), closing(Batcher(Trunk(), observe=fail)) as batcher:
        assert [value_of(batcher.submit(picture(value), wanted)) for value in (1, 2)] == [1, 2]
    assert "a fault" in caplog.text


def test_a_question_that_raises_fails_its_batch_and_not_the_next() -> None:
    """Where nobody can tell whether a picture is wanted, it gets the error, and the thread goes on."""
    with closing(Batcher(Trunk())) as batcher:
        with pytest.raises(MemoryError):
            batcher.submit(picture(1), fail).result(SOON_S)
        assert value_of(batcher.submit(picture(2), wanted)) == 2


def test_vectors_that_cannot_be_copied_fail_their_own_pictures() -> None:
    """The picture whose vector was copied has it, the others of the batch get the error, the next one its vector."""
    trunk, given = Trunk(held=True), [list, Uncopyable, list]
    with closing(Batcher(lambda images: given.pop(0)(trunk(images)), max_wait_s=0, clock=frozen)) as batcher:
        busy(batcher, trunk)
        copied, lost = (batcher.submit(picture(value), wanted) for value in (1, 2))
        trunk.allow(3)
        assert value_of(copied) == 1
        with pytest.raises(MemoryError):
            lost.result(SOON_S)
        assert value_of(batcher.submit(picture(3), wanted)) == 3


def test_a_batch_that_cannot_be_chosen_fails_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever: all of them get the error, and who comes later is computed."""
    with closing(Batcher(Trunk())) as batcher:
        with monkeypatch.context() as broken:
            broken.setattr(Pace, "choose", fail)
            with pytest.raises(MemoryError):
                batcher.submit(picture(1), wanted).result(SOON_S)
        assert value_of(batcher.submit(picture(2), wanted)) == 2

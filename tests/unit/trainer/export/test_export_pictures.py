"""Which pictures are compared."""

from __future__ import annotations

from trainer.catalog.examples import Example
from trainer.datasets.split import Part
from trainer.export.pictures import candidates


def example(number: int, label: str, part: Part) -> Example:
    """An example whose digest is its number."""
    return Example(bytes([number]) * 32, label, "", part, 0)


def test_labels_take_turns_and_the_test_part_goes_first() -> None:
    """A label that runs out leaves its turns to the others."""
    given = [
        example(1, "b", Part.TRAINING),
        example(9, "b", Part.TEST),
        example(5, "a", Part.TRAINING),
        example(4, "a", Part.VALIDATION),
        example(8, "a", Part.TEST),
    ]
    assert [digest[0] for digest in candidates(given)] == [8, 9, 4, 1, 5]
    assert candidates(reversed(given)) == candidates(given)


def test_a_picture_of_two_labels_comes_once() -> None:
    """It has one preview."""
    assert len(candidates([example(1, "a", Part.TEST), example(1, "b", Part.TEST)])) == 1

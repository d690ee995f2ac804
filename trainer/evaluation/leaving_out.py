"""Distances of pictures whose class was left out, and of held-out pictures whose class was not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trainer.evaluation.directions import fit_directions
from trainer.evaluation.ranking import auroc
from trainer.registry.unknown_rule import distances

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from trainer.evaluation.arrays import Floats, Labels, Vectors

MOST_LEFT_OUT = 8
"""Classes left out, one after the other; of more, as many spread evenly over the sorted labels."""

MOST_ROWS = 4096
"""Pictures that the rule is fitted to; of more, each class gives as many, and 4 at least."""

_LEAST_OF_A_CLASS = 4
_HELD_OUT_SHARE = 5  # one in so many
_FOLDS, _TURNS = 10, 5  # so that a rule has nine tenths of the pictures, and half of them are held out once
_CHUNK_ROWS = 4096


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What one class looks like to a rule that never saw it.

    Attributes:
        label: index of the class left out.
        unknown: float32[u], distances of its pictures.
        known: float32[k], distances of held-out pictures of the other classes, from the same rule.
    """

    label: int
    unknown: Floats
    known: Floats

    @property
    def auroc(self) -> float:
        """How well the distance tells them apart."""
        return auroc(self.known, self.unknown)


def sample_rows(labels: Labels, classes: int, seed: int) -> Labels:
    """Return the rows of labels int[n] that the rule is fitted to, sorted: at most MOST_ROWS, or 4 of each class."""
    if len(labels) <= MOST_ROWS:
        return np.arange(len(labels))
    quota = max(_LEAST_OF_A_CLASS, MOST_ROWS // classes)
    return np.sort(np.flatnonzero(_places(labels, seed) < quota))


def leave_classes_out(
    vectors: Vectors, labels: Labels, classes: int, seed: int, look: Callable[[], None]
) -> tuple[LeftOut, ...]:
    """Leave classes out one by one, each time with every fifth picture of the others held out too.

    Args:
        vectors: float32[n, d].
        labels: int[n], each class with a row.
        classes: number of labels.
        seed: of what is held out.
        look: called between two classes; it may raise.

    Returns:
        One for each class left out; none where nothing could be held out.
    """
    chosen = np.unique(np.linspace(0, classes - 1, min(classes, MOST_LEFT_OUT)).astype(np.int64))
    place = _places(labels, seed)
    found = []
    for turn, label in enumerate(chosen.tolist()):
        look()
        # the first of a class is never held out, so that each keeps one; the label spreads small classes over turns
        held = (place > 0) & ((place + labels + turn) % _HELD_OUT_SHARE == 0) & (labels != label)
        fitted = ~held & (labels != label)
        if not held.any() or not fitted.any():
            continue
        renumbered = labels[fitted] - (labels[fitted] > label)
        directions = fit_directions(vectors[fitted], renumbered, classes - 1)
        if directions is not None:
            unknown, known = vectors[labels == label], vectors[held]
            found.append(
                LeftOut(label, distances(directions, unknown[:_CHUNK_ROWS]), distances(directions, known[:_CHUNK_ROWS]))
            )
    return tuple(found)


def hold_out(
    vectors: Vectors, labels: Labels, classes: int, seed: int, look: Callable[[], None]
) -> npt.NDArray[np.float32]:
    """Return the distances of held-out pictures float32[k] by rules that know every class; arguments as above.

    Distances grow with the pictures that a rule is fitted to, so each rule has all but a tenth of them. The first of
    each class is never held out.
    """
    place = _places(labels, seed)
    found = [np.empty(0, np.float32)]
    for turn in range(_TURNS):
        look()
        held = (place > 0) & ((place + labels + 2 * turn) % _FOLDS == 0)
        directions = fit_directions(vectors[~held], labels[~held], classes) if held.any() else None
        if directions is not None:
            found.append(distances(directions, vectors[held]))
    return np.concatenate(found)


def _places(labels: Labels, seed: int) -> Labels:
    """Return int[n]: the place of each row among those of its class, in an order drawn from `seed`."""
    drawn = np.random.default_rng(seed).permutation(len(labels))
    order = drawn[np.argsort(labels[drawn], kind="stable")]  # by class, at random within
    starts = np.searchsorted(labels[order], labels[order], "left")
    places = np.empty(len(labels), np.int64)
    places[order] = np.arange(len(labels)) - starts
    return places

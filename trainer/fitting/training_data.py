"""What a head is fitted to: the vectors of a snapshot, and those of extra views of its training pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graft.errors import FailedPreconditionError
from trainer.datasets.split import Part
from trainer.fitting.fit import TrainingData
from trainer.jobs.progress import Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainer.datasets.snapshots import Snapshot
    from trainer.datasets.vectors import FeatureSource
    from trainer.fitting.batches import FloatArray
    from trainer.recipes import Recipe

_LOOKUP_DIGESTS = 8192  # asked for at once: a cancelled job is noticed between two look-ups
_SHOWN_DIGESTS = 5


def training_data(
    recipe: Recipe,
    snapshot: Snapshot,
    vectors: FloatArray,
    features: FeatureSource,
    report: Callable[[Progress], None],
) -> TrainingData:
    """Return the data of a snapshot; with the recipe's views, each of them makes a row more of every training picture.

    The rows of the pictures come first, in the snapshot's order, then those of the views, one view after the other.

    Args:
        recipe: says which views.
        snapshot: the examples.
        vectors: float32[n, d], of the examples.
        features: where the views' vectors are.
        report: told how far the loading is; it may raise.

    Raises:
        FailedPreconditionError: reason FEATURES_MISSING; views are not cached.
        InvalidArgumentError: reason TOO_MANY_VIEWS; the extractor never has as many.
        UnavailableError: reason EXTRACTOR_UNAVAILABLE.
    """
    training, validation = snapshot.parts[Part.TRAINING], snapshot.parts[Part.VALIDATION]
    classes = len(snapshot.labels)
    if not recipe.views:
        return TrainingData(vectors, snapshot.label_rows, training, validation, classes)
    count, viewed = len(vectors), len(training)
    origins = np.concatenate([np.arange(count), *[training] * recipe.views]).astype(np.int32)
    rows = np.empty((len(origins), vectors.shape[1]), np.float32)
    rows[:count] = vectors
    digests = [snapshot.digests[row] for row in training]
    missing: set[bytes] = set()
    for view in range(1, recipe.views + 1):
        for start in range(0, viewed, _LOOKUP_DIGESTS):
            asked = digests[start : start + _LOOKUP_DIGESTS]
            found, absent = features.lookup(asked, view, recipe.view_seed)
            missing.update(absent)
            if not absent:
                at = count + (view - 1) * viewed + start
                rows[at : at + len(asked)] = found
            report(Progress(Phase.LOADING, (view - 1) * viewed + start + len(asked), recipe.views * viewed))
    if missing:
        shown = ", ".join(digest.hex() for digest in sorted(missing)[:_SHOWN_DIGESTS])
        raise FailedPreconditionError(
            f"{len(missing)} of the {viewed} training pictures lack a view that the recipe asks for "
            f"({shown}{', …' if len(missing) > _SHOWN_DIGESTS else ''}): import the same folder with `graft import "
            f"--views {recipe.views} --view-seed {recipe.view_seed}`, then train again",
            reason="FEATURES_MISSING",
            metadata={"missing": str(len(missing))},
        )
    views = np.arange(count, len(origins), dtype=np.int32)
    return TrainingData(
        rows, snapshot.label_rows[origins], np.concatenate([training, views]), validation, classes, origins
    )

"""How well a score tells two kinds of pictures apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from trainer.evaluation.arrays import Floats


def auroc(negatives: Floats, positives: Floats) -> float:
    """Return the share of pairs in which the positive has the higher score, equal ones half: the area under the ROC.

    Mann and Whitney's U of scores [n] and [m], by ranks; 0.5 if one of them is empty.
    """
    if not len(negatives) or not len(positives):
        return 0.5
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, "left")
    not_above = np.searchsorted(ordered, positives, "right")
    return float((below + not_above).sum() / (2 * len(negatives) * len(positives)))

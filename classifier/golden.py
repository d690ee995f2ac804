"""The golden set in a head's file: whoever loads the head must compute from it what the trainer did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from graft.errors import DataLossError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from classifier.heads import Head

TOLERANCE: Final = 1e-3
"""How far a probability or an unknown score, both 0 to 1, may lie from what is expected. Another processor sums in
another order, which changes them by some 1e-6."""


def check_golden(head: Head, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Compare a head with the golden set beside its tensors; a head without one is taken as it is.

    Raises:
        DataLossError: reason HEAD_DISAGREES; an output differs by more than TOLERANCE.
        KeyError: the set is not whole.
        ValueError: its arrays do not fit the head.
    """
    if "golden.vectors" not in arrays:
        return
    vectors = arrays["golden.vectors"]
    differences = [np.abs(head.probabilities(vectors) - arrays["golden.probabilities"]).max()]
    if head.rule:
        scores = head.rule.scores(head.rule.distances(vectors))
        differences.append(np.abs(scores - arrays["golden.unknown_scores"]).max())
    if not all(each <= TOLERANCE for each in differences):  # NaN is no agreement
        raise DataLossError(
            f"it does not compute here what it did when it was trained: its golden set differs by "
            f"{max(map(float, differences)):.1e}, more than {TOLERANCE:.0e}; run the version of Graft that trained it, "
            "or train again",
            reason="HEAD_DISAGREES",
        )

"""What is compared: each method is a way to features, and a way to fit and answer on them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from graft.errors import FailedPreconditionError, InvalidArgumentError, Violation
from trainer import recipes
from trainer.comparison import hand_made
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from trainer.comparison.folds import Fold
    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.fit import FittedHead, TrainingData
    from trainer.jobs.progress import Progress

    Fit = Callable[[recipes.Recipe, TrainingData, Callable[[Progress], None], Callable[[], bool]], FittedHead]

_LIBRARIES: Final = {"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow"}


@dataclass(frozen=True, slots=True)
class HandMade:
    """Features made by hand, under a model of scikit-learn."""

    name: str
    description: str
    features: Callable[[bytes], NDArray[np.float32]]
    model: Callable[[], Any]


HAND_MADE: Final = (
    HandMade("pixels", "raw pixels, logistic regression", hand_made.pixels, hand_made.logistic_regression),
    HandMade("hog", "histogram of gradients, linear SVM", hand_made.gradients, hand_made.linear_svm),
)
RECIPES: Final = ("seed", "softmax", "mlp", "auto")
ALL: Final = (*(each.name for each in HAND_MADE), *RECIPES)


def checked_methods(asked: Sequence[str]) -> tuple[str, ...]:
    """The methods asked for, each once, in the order of ALL; all if none is.

    Raises:
        InvalidArgumentError: UNKNOWN_METHOD.
    """
    for place, name in enumerate(asked):
        if name not in ALL:
            problem = f"{name!r} is none of {', '.join(ALL)}"
            raise InvalidArgumentError(
                f"methods[{place}]: {problem}",
                reason="UNKNOWN_METHOD",
                violations=(Violation(f"methods[{place}]", problem),),
            )
    return tuple(name for name in ALL if not asked or name in asked)


def check_libraries() -> None:
    """Refuse to compare without the libraries that do.

    Raises:
        FailedPreconditionError: EXTRA_MISSING.
    """
    missing = [package for module, package in _LIBRARIES.items() if find_spec(module) is None]
    if missing:
        raise FailedPreconditionError(
            f"a comparison needs {' and '.join(missing)} where the trainer runs: pip install 'graft[compare]' there, "
            "then start it again",
            reason="EXTRA_MISSING",
        )


def test_hand_made(method: HandMade, features: FloatArray, labels: RowArray, fold: Fold) -> NDArray[np.bool_]:
    """Fit on training and validation rows of float32[n, d]; tell for each test row whether the answer is right.

    On one thread: products as small as these take their threads longer to wait for each other than to compute, and a
    hundred times as long where other programs want the cores, too.
    """
    from threadpoolctl import threadpool_limits

    fitted_on = np.concatenate([fold.training, fold.validation])
    with threadpool_limits(1):
        model = method.model().fit(features[fitted_on], labels[fitted_on])
        right: NDArray[np.bool_] = model.predict(features[fold.test]) == labels[fold.test]
    return right


def test_recipe(
    kind: str, seed: int, data: TrainingData, test: RowArray, fit: Fit, alive: Callable[[], None]
) -> NDArray[np.bool_]:
    """Fit a recipe; tell for each test row whether the answer is right. `alive` is called often and may raise."""
    fitted = fit(recipes.from_dict({"kind": kind, "seed": seed}), data, lambda _: alive(), lambda: False)
    answers = heads.predict(fitted.network, data.vectors[test]).argmax(axis=1)
    right: NDArray[np.bool_] = answers == data.labels[test]
    return right

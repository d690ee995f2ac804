"""What a recipe's settings may be: one table for all recipes, since a name means the same in each."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol

from graft.errors import InvalidArgumentError, Violation

if TYPE_CHECKING:
    from dataclasses import Field
    from typing import ClassVar

MAX_WIDTH = 16384
MAX_HIDDEN = 8  # deeper heads on a few hundred pictures are a mistake
MAX_STEPS = 10_000_000
MAX_SEED = 2**31 - 1
MAX_VIEWS = 1024  # the extractor's own limit is far below and asked for when the vectors are
MAX_VIEW_SEED = 2**64 - 1
MAX_WORKERS = 16  # each holds TensorFlow and all vectors

NO_CLASS_WEIGHTS, BALANCED = "none", "balanced"
"""What `class_weights` may be: every example counts the same, or every class does."""

VARIANCE_FLOOR = 0.3
"""The value of `variance_floor` where none is given.

Without a floor a unit that is hardly ever active counts as much as the others, and behind a ReLU there are many such;
regressions lost 1.5 points by it on the mean of 20 sets, and 0.1 or 1 did no better than 0.3.
"""

# (lowest, highest) of each number, where it depends on nothing else. The highest of a share is just below 1.
_BELOW_ONE = math.nextafter(1.0, 0.0)
_RANGES: dict[str, tuple[float, float]] = {
    "initial_stddev": (0.0, 100.0),
    "learning_rate": (1e-9, 100.0),
    "weight_decay": (0.0, 100.0),
    "dropout": (0.0, _BELOW_ONE),
    "label_smoothing": (0.0, _BELOW_ONE),
    "residual_noise": (0.0, 100.0),
    "variance_floor": (0.0, 1000.0),
    "steps": (1, MAX_STEPS),
    "epochs": (0, MAX_STEPS),
    "max_epochs": (1, MAX_STEPS),
    "max_steps": (1, MAX_STEPS),
    "max_iterations": (1, MAX_STEPS),
    "patience": (1, MAX_STEPS),
    "batch_size": (1, 65536),
    "report_every": (1, MAX_STEPS),
    "shrinkage": (0.0, 1.0),
    "l2": (1e-9, 1e9),
    "folds": (2, 20),
    "time_budget_s": (0.0, 86400.0),
    "views": (0, MAX_VIEWS),
    "view_seed": (0, MAX_VIEW_SEED),
    "workers": (0, MAX_WORKERS),
    "seed": (0, MAX_SEED),
}


class Settings(Protocol):
    """A dataclass of settings."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def check(recipe: Settings) -> None:
    """Refuse a setting of a wrong type or out of range; write fractions as such, so that 1 and 1.0 are one recipe.

    Raises:
        InvalidArgumentError: reason INVALID_RECIPE.
    """
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name == "hidden_units":
            _check_hidden(value)
        elif field.name == "class_weights":
            if value not in {NO_CLASS_WEIGHTS, BALANCED}:
                raise invalid(field.name, f"is {value!r}; it must be {NO_CLASS_WEIGHTS} or {BALANCED}")
        elif field.name in _RANGES:
            _check_number(recipe, field.name, value, whole=isinstance(field.default, int))


def invalid(name: str, problem: str) -> InvalidArgumentError:
    """Return the error of a setting."""
    return InvalidArgumentError(
        f"recipe.{name} {problem}",
        reason="INVALID_RECIPE",
        violations=(Violation(f"recipe.{name}", problem),),
    )


def _check_number(recipe: Settings, name: str, value: object, *, whole: bool) -> None:
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise invalid(name, f"is {value!r}; it must be a {'whole ' if whole else ''}number")
    low, high = _RANGES[name]
    if not low <= value <= high:
        raise invalid(name, f"is {value}; it must be {low:g} to {'below 1' if high == _BELOW_ONE else high}")
    if not whole:
        object.__setattr__(recipe, name, float(value))


def _check_hidden(value: object) -> None:
    widths = value if isinstance(value, tuple) else None
    if widths is None or len(widths) > MAX_HIDDEN:
        raise invalid("hidden_units", f"is {value!r}; it must be a list of at most {MAX_HIDDEN} widths")
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, int) or not 1 <= width <= MAX_WIDTH:
            raise invalid("hidden_units", f"holds {width!r}; a width must be a whole number, 1 to {MAX_WIDTH}")

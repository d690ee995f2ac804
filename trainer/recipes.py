"""Recipes: how a head is trained, as small documents that a version's manifest holds and that can be repeated."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from graft.errors import InvalidArgumentError, Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WIDTH = 16384
MAX_HIDDEN = 8  # deeper heads on a few hundred pictures are a mistake
MAX_STEPS = 10_000_000
MAX_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SeedRecipe:
    """The talk's own head, faithfully: ReLU on every layer, the logits too, and plain gradient descent.

    Weights start as truncated normal, biases at zero; each step takes a batch at random with replacement. Inputs are
    as the trunk gives them. With weights this small and a ReLU on the logits hardly any gradient comes through, and it
    is kept for comparison, not for use: on vectors of `mixed7` of 400 faces and of 416 photographs in 12 classes it
    did no better than chance after 4,000 and after 40,000 steps; with initial_stddev 0.05 it reached 0.17 and 0.63
    after 4,000, where `mlp` has 1.00 and 0.86.

    Attributes:
        hidden_units: widths of the hidden layers.
        initial_stddev: of the truncated normal (values beyond two of it are drawn again).
        learning_rate: of gradient descent.
        steps: gradient steps, a fixed number.
        batch_size: examples a step.
        report_every: steps between two reports of progress.
        seed: of the weights and the batches, 0 to 2^31 - 1.
    """

    kind: ClassVar[str] = "seed"

    hidden_units: tuple[int, ...] = (512, 128)
    initial_stddev: float = 0.001
    learning_rate: float = 0.01
    steps: int = 4000
    batch_size: int = 100
    report_every: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class SoftmaxRecipe:
    """One layer and a softmax, trained as TensorFlow's retrain.py did.

    Attributes:
        initial_stddev: of the truncated normal that the weights start as; biases start at zero.
        learning_rate: of gradient descent.
        steps: gradient steps, a fixed number.
        batch_size: examples a step, taken at random with replacement.
        report_every: steps between two reports of progress.
        seed: of the weights and the batches, 0 to 2^31 - 1.
    """

    kind: ClassVar[str] = "softmax"

    initial_stddev: float = 0.001
    learning_rate: float = 0.01
    steps: int = 4000
    batch_size: int = 100
    report_every: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class MlpRecipe:
    """The default: two hidden ReLU layers on standardised inputs, made for sets of some hundred pictures.

    He initialiser, AdamW with a cosine learning rate, dropout, and residual noise: to each training vector is added
    the difference between other examples and the mean of their own class, which teaches the network in which
    directions pictures of one class differ (what linear discriminant analysis learns from the pooled covariance).
    Fitting stops when the validation loss no longer falls; then the same network is trained once more, from the
    start, on training and validation parts together for the epochs found.

    Attributes:
        hidden_units: widths of the hidden layers.
        learning_rate: of AdamW at the start; it falls to 0 along a half cosine over the epochs.
        weight_decay: decoupled, a step: weight -= rate * weight_decay * weight. Biases are left alone.
        dropout: share of hidden units dropped in training, 0 to below 1.
        label_smoothing: share of the target spread over all classes, 0 to below 1.
        residual_noise: standard deviation of the factor on another example's residual; 0 turns it off.
        max_epochs: passes over the training part at most.
        max_steps: gradient steps at most, so that a very large set takes fewer passes; one pass is always made.
        patience: epochs without a better validation loss after which fitting stops.
        batch_size: examples a step; an epoch is a new order of all examples.
        seed: of everything drawn, 0 to 2^31 - 1.
    """

    kind: ClassVar[str] = "mlp"

    hidden_units: tuple[int, ...] = (512, 128)
    learning_rate: float = 0.0015
    weight_decay: float = 0.01
    dropout: float = 0.2
    label_smoothing: float = 0.0
    residual_noise: float = 1.0
    max_epochs: int = 60
    max_steps: int = 20_000
    patience: int = 20
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)


Recipe: TypeAlias = SeedRecipe | SoftmaxRecipe | MlpRecipe

_KINDS: dict[str, type[Recipe]] = {cls.kind: cls for cls in (SeedRecipe, SoftmaxRecipe, MlpRecipe)}

# (lowest, highest) of each number; where it depends on nothing else. The highest of a share is just below 1.
_BELOW_ONE = math.nextafter(1.0, 0.0)
_RANGES: dict[str, tuple[float, float]] = {
    "initial_stddev": (0.0, 100.0),
    "learning_rate": (1e-9, 100.0),
    "weight_decay": (0.0, 100.0),
    "dropout": (0.0, _BELOW_ONE),
    "label_smoothing": (0.0, _BELOW_ONE),
    "residual_noise": (0.0, 100.0),
    "steps": (1, MAX_STEPS),
    "max_epochs": (1, MAX_STEPS),
    "max_steps": (1, MAX_STEPS),
    "patience": (1, MAX_STEPS),
    "batch_size": (1, 65536),
    "report_every": (1, MAX_STEPS),
    "seed": (0, MAX_SEED),
}


def to_dict(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as a JSON-able dict; `kind` names its class."""
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(recipe).items()}
    return {"kind": recipe.kind, **settings}


def from_dict(plain: Mapping[str, Any]) -> Recipe:
    """Return the recipe in a dict; settings left out take their defaults.

    Raises:
        InvalidArgumentError: reason INVALID_RECIPE; unknown kind or setting, wrong type, out of range.
    """
    settings = dict(plain)
    kind = settings.pop("kind", MlpRecipe.kind)
    cls = _KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise _invalid("kind", f"is {kind!r}; it must be one of {', '.join(_KINDS)}")
    known = {field.name for field in fields(cls)}
    for name in settings:
        if name not in known:
            raise _invalid(name, f"is no setting of recipe {kind!r}; these are: {', '.join(sorted(known))}")
    if isinstance(settings.get("hidden_units"), list):
        settings["hidden_units"] = tuple(settings["hidden_units"])
    return cls(**settings)


def _check(recipe: Recipe) -> None:
    for field in fields(recipe):
        value = getattr(recipe, field.name)
        if field.name == "hidden_units":
            _check_hidden(value)
            continue
        whole = isinstance(field.default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise _invalid(field.name, f"is {value!r}; it must be a {'whole ' if whole else ''}number")
        low, high = _RANGES[field.name]
        if not low <= value <= high:
            raise _invalid(field.name, f"is {value}; it must be {low:g} to {'below 1' if high == _BELOW_ONE else high}")
        if not whole:
            object.__setattr__(recipe, field.name, float(value))  # 1 and 1.0 are one recipe


def _check_hidden(value: object) -> None:
    widths = value if isinstance(value, tuple) else None
    if widths is None or len(widths) > MAX_HIDDEN:
        raise _invalid("hidden_units", f"is {value!r}; it must be a list of at most {MAX_HIDDEN} widths")
    for width in widths:
        if isinstance(width, bool) or not isinstance(width, int) or not 1 <= width <= MAX_WIDTH:
            raise _invalid("hidden_units", f"holds {width!r}; a width must be a whole number, 1 to {MAX_WIDTH}")


def _invalid(name: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"recipe.{name} {problem}",
        reason="INVALID_RECIPE",
        violations=(Violation(f"recipe.{name}", problem),),
    )

"""What the search tries, depending on nothing but the numbers of examples, so that a repeat tries the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.recipes import LdaRecipe, LogisticRecipe, MlpRecipe

if TYPE_CHECKING:
    from trainer.recipes import AutoRecipe

SHRINKAGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Of `lda`; 0 is Ledoit and Wolf's estimate."""

PENALTIES = (100.0, 30.0, 10.0, 3.0)
"""Of `logistic`, the strongest first: the next begins where the one before ended."""

PENALTIES_OF_MANY = (10.0,)
"""The same where many pictures make an iteration cost much and the penalty matter little."""

NETWORKS = (
    ((), 0.003, 0.1, 0.0, 1.0, 0.3),
    ((128,), 0.003, 0.01, 0.2, 1.0, 0.1),
    ((256,), 0.003, 0.1, 0.2, 0.7, 0.3),
    ((512,), 0.0015, 0.01, 0.5, 0.5, 0.3),
    ((1024,), 0.001, 0.1, 0.5, 0.5, 1.0),
    ((256, 128), 0.0015, 0.1, 0.4, 0.5, 1.0),
    ((512, 128), 0.0015, 0.01, 0.2, 1.0, 0.3),
    ((512, 256), 0.001, 0.01, 0.5, 0.7, 0.1),
)
"""Hidden layers, learning rate, weight decay, dropout, residual noise and variance floor of each network."""

_FEW, _MANY = 1_000, 5_000  # pictures


def lda_candidates(recipe: AutoRecipe) -> list[LdaRecipe]:
    """Return discriminants; each further shrinkage costs next to nothing."""
    return [LdaRecipe(shrinkage=each, class_weights=recipe.class_weights, seed=recipe.seed) for each in SHRINKAGES]


def logistic_candidates(recipe: AutoRecipe, pictures: int) -> list[LogisticRecipe]:
    """Return logistic regressions; `pictures` is how many the final training will have."""
    many = pictures > _MANY
    return [
        LogisticRecipe(l2=each, max_iterations=30 if many else 60, class_weights=recipe.class_weights, seed=recipe.seed)
        for each in (PENALTIES_OF_MANY if many else PENALTIES)
    ]


def network_candidates(recipe: AutoRecipe, pictures: int) -> list[MlpRecipe]:
    """Return those that cost more: they compete by successive halving.

    Of none, one and two hidden layers; they differ in width, learning rate, weight decay, dropout, residual noise and
    standardisation.

    Args:
        recipe: the search's settings.
        pictures: how many the final training will have: more are passed over fewer times, in larger batches.
    """
    if pictures <= _FEW:
        epochs, batch = 30, 32
    elif pictures <= _MANY:
        epochs, batch = 20, 64
    else:
        epochs, batch = 8, 256
    return [
        MlpRecipe(
            hidden_units=hidden,
            learning_rate=rate,
            weight_decay=decay,
            dropout=dropout,
            residual_noise=noise,
            variance_floor=floor,
            epochs=epochs,
            batch_size=batch,
            class_weights=recipe.class_weights,
            seed=recipe.seed,
        )
        for hidden, rate, decay, dropout, noise, floor in NETWORKS
    ]

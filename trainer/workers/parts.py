"""A network in training whose batches are worked on in parts, and the one that works on two parts by itself.

With L the losses of the rows of a part and B the rows of the whole batch, sum(L) / B is differentiated; the sum of that
over the parts is the gradient of the whole batch's mean. What is dropped is drawn for the whole batch. So parts change
nothing but the order of additions.

That order matters all the same: after some hundred steps a hidden unit somewhere lies within rounding of zero, its ReLU
opens in one order and not in the other, and from there two trainings go different ways. With equal parts they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trainer.fitting.network_training import TrainedNetwork

if TYPE_CHECKING:
    from collections.abc import Callable


class PartedNetwork(TrainedNetwork):
    """A network that is given parts of batches; `_first_row` and `_whole_batch` say which part of how much."""

    _first_row: Any
    _whole_batch: Any

    def _mean_loss(self, losses: Any) -> Any:
        return tf.reduce_sum(losses) / tf.cast(self._whole_batch, tf.float32)

    def _dropped(self, hidden: Any, seed: Any) -> Any:
        rows, units = tf.shape(hidden)[0], hidden.shape[1]
        ones = tf.ones([self._whole_batch, units])
        kept = tf.nn.experimental.stateless_dropout(ones, self._method.dropout, seed)  # 0, or 1 / share that is kept
        return hidden * kept[self._first_row : self._first_row + rows]

    def _scores_in_parts(self, parts: list[Any], added_up: Callable[[list[list[Any]]], list[Any]]) -> tuple[Any, ...]:
        """Return mean loss, its standard error and the share that is right.

        Args:
            parts: the rows of each part that is worked on here.
            added_up: given a list of tensors for each of those parts, returns their sums over all parts.
        """
        judged = [self._judged(rows) for rows in parts]
        count, loss, right = added_up(
            [
                [tf.cast(tf.size(losses), tf.float32), tf.reduce_sum(losses), tf.reduce_sum(hits)]
                for losses, hits in judged
            ]
        )
        mean = loss / count
        (squares,) = added_up([[tf.reduce_sum((losses - mean) ** 2)] for losses, _ in judged])
        return mean, tf.sqrt(squares) / count, right / count  # standard error: sqrt(squares / n) / sqrt(n)


class HalvedNetwork(PartedNetwork):
    """Works on both halves of every batch in one process: what two workers make, to the bit."""

    def _loss_and_gradients(self, step: Any, rows: Any, partners: Any, factors: Any) -> list[Any]:
        whole = tf.shape(rows)[0]
        half = whole // 2
        self._whole_batch, parts = whole, []
        for low, high in ((0, half), (half, whole)):
            self._first_row = low
            part = rows[low:high], partners[low:high], factors[low:high]
            parts.append(super()._loss_and_gradients(step, *part))
        return _sums(parts)

    def _scores(self, rows: Any) -> tuple[Any, ...]:
        half = tf.size(rows) // 2
        return self._scores_in_parts([rows[:half], rows[half:]], _sums)


def _sums(parts: list[list[Any]]) -> list[Any]:
    """Return the sum of each tensor over both parts."""
    first, second = parts
    return [one + other for one, other in zip(first, second, strict=True)]

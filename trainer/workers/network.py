"""A network in training in several processes: each takes its part of a batch, and the gradients are added up.

Every worker holds all vectors and all weights. Each draws the same batches from the recipe's seed and works on its own
rows of them; with L the losses of its rows and B the rows of the whole batch, it differentiates sum(L) / B. The sum of
that over the workers, by tf.distribute's all-reduce, is the gradient of the whole batch's mean, which every worker then
applies: so all weights stay the same to the bit, and are those of one process but for the order of additions. What is
dropped is drawn for the whole batch too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trainer.batches import Batches
from trainer.network_training import TrainedNetwork
from trainer.workers.cluster import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.batches import FloatArray, RowArray
    from trainer.network_method import Inputs, Method, Score
    from trainer.workers.cluster import Place


class SharedNetwork(TrainedNetwork):
    """A worker's copy of the network; `run` and `score` are called by all workers with the same arguments."""

    def __init__(
        self,
        vectors: Any,
        labels: Any,
        weights: Sequence[FloatArray],
        inputs: Inputs,
        method: Method,
        *,
        strategy: Any,
        place: Place,
    ) -> None:
        self._strategy, self._place = strategy, place
        self._first_row = tf.Variable(0)  # of this worker's, in the batch
        self._whole_batch = tf.Variable(1)  # rows of the batch of all workers
        super().__init__(vectors, labels, weights, inputs, method)

    def run(self, first_step: int, rates: FloatArray, batches: Batches) -> FloatArray:
        """Do this worker's part of the steps; the losses are those of the whole batches."""
        whole = batches.rows.shape[1]
        low, high = share(whole, self._place)
        self._first_row.assign(low)
        self._whole_batch.assign(whole)
        rows, partners, factors = batches.rows, batches.partners, batches.factors
        own = Batches(rows[:, low:high], partners[:, low:high], factors[:, low:high])
        return super().run(first_step, rates, own)

    def score(self, rows: RowArray) -> Score:
        """Score this worker's part of the rows; the score is that of all."""
        low, high = share(len(rows), self._place)
        return super().score(rows[low:high])

    def _step(self, step: Any, rate: Any, rows: Any, partners: Any, factors: Any) -> Any:
        return self._strategy.run(super()._step, (step, rate, rows, partners, factors))

    def _mean_loss(self, losses: Any) -> Any:
        return tf.reduce_sum(losses) / tf.cast(self._whole_batch, tf.float32)

    def _joined(self, parts: list[Any]) -> list[Any]:
        return _added_up(parts)

    def _dropped(self, hidden: Any, seed: Any) -> Any:
        rows, units = tf.shape(hidden)[0], hidden.shape[1]
        ones = tf.ones([self._whole_batch, units])
        kept = tf.nn.experimental.stateless_dropout(ones, self._method.dropout, seed)  # 0, or 1 / share that is kept
        return hidden * kept[self._first_row : self._first_row + rows]

    def _scores(self, rows: Any) -> Any:
        return self._strategy.run(self._scores_of_all, (rows,))

    def _scores_of_all(self, rows: Any) -> tuple[Any, Any, Any]:
        losses, hits = self._judged(rows)
        count, loss, right = _added_up([tf.cast(tf.size(rows), tf.float32), tf.reduce_sum(losses), tf.reduce_sum(hits)])
        mean = loss / count
        (squares,) = _added_up([tf.reduce_sum((losses - mean) ** 2)])
        return mean, tf.sqrt(squares) / count, right / count  # standard error: sqrt(squares / n) / sqrt(n)


def _added_up(parts: list[Any]) -> list[Any]:
    """Return each tensor's sum over the workers; within `strategy.run`."""
    added: list[Any] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, parts)
    return added


def told_by_all(strategy: Any, place: Place, number: int) -> list[int]:
    """Return what each worker says, in the order of their ranks; all call it with a number of their own below 2^31."""

    def own_part() -> Any:
        return _added_up([tf.one_hot(place.rank, place.count, dtype=tf.float64) * float(number)])[0]

    return [int(each) for each in tf.function(lambda: strategy.run(own_part))().numpy()]

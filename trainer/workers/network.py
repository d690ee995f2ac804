"""A network in training in several processes: each takes its part of a batch, and the gradients are added up.

Every worker holds all vectors and all weights. Each draws the same batches from the recipe's seed and works on its own
rows of them (`trainer.workers.parts`). tf.distribute's all-reduce adds up the gradients, and every worker applies the
sum: so all weights stay the same to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trainer.fitting.batches import Batches
from trainer.workers.cluster import share
from trainer.workers.parts import PartedNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.network_method import Inputs, Method, Score
    from trainer.workers.cluster import Place


class SharedNetwork(PartedNetwork):
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

    def _step(self, *batch: Any) -> Any:
        return self._strategy.run(super()._step, batch)

    def _loss_and_gradients(self, step: Any, rows: Any, partners: Any, factors: Any) -> list[Any]:
        return _added_up(super()._loss_and_gradients(step, rows, partners, factors))

    def _scores(self, rows: Any) -> Any:
        def of_all(own: Any) -> tuple[Any, ...]:
            return self._scores_in_parts([own], lambda parts: _added_up(parts[0]))

        return self._strategy.run(of_all, (rows,))


def _added_up(parts: list[Any]) -> list[Any]:
    """Return each tensor's sum over the workers; within `strategy.run`."""
    added: list[Any] = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, parts)
    return added


def told_by_all(strategy: Any, place: Place, number: int) -> list[int]:
    """Return what each worker says, in the order of their ranks; all call it with a number of their own below 2^31."""

    def own_part() -> Any:
        return _added_up([tf.one_hot(place.rank, place.count, dtype=tf.float64) * float(number)])[0]

    return [int(each) for each in tf.function(lambda: strategy.run(own_part))().numpy()]

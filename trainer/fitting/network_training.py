"""The TensorFlow part of fitting: a network's variables, and gradient steps in one compiled loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from trainer.fitting.network_method import Score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from trainer.fitting.batches import Batches, FloatArray
    from trainer.fitting.network_method import Inputs, Method

_JUDGED_ROWS = 4096
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8  # Adam's, by Kingma and Ba (2015)


class TrainedNetwork:
    """A network in training: weights, optimiser state, and the steps over them."""

    def __init__(
        self, vectors: Any, labels: Any, weights: Sequence[FloatArray], inputs: Inputs, method: Method
    ) -> None:
        """Start from `weights` and zero biases.

        Args:
            vectors: tensor float32[n, d], all of them.
            labels: tensor int32[n].
            weights: float32[inputs, outputs] of each layer.
            inputs: how the vectors go in.
            method: how a step is made.
        """
        self._vectors, self._labels, self._method = vectors, labels, method
        self._mean, self._scale = tf.Variable(inputs.mean), tf.Variable(inputs.scale)
        self._class_means = tf.Variable(inputs.class_means)
        self._class_weights = tf.Variable(_counted(inputs))
        self._classes = weights[-1].shape[1]
        self._weights = [tf.Variable(array) for array in weights]
        self._biases = [tf.Variable(tf.zeros(array.shape[1])) for array in weights]
        self._variables = [*self._weights, *self._biases]
        slots = self._variables if method.adam else []
        self._first = [tf.Variable(tf.zeros_like(variable)) for variable in slots]
        self._second = [tf.Variable(tf.zeros_like(variable)) for variable in slots]
        rows = tf.TensorSpec([None, None], tf.int32)
        self._run = tf.function(
            self._steps,
            input_signature=[
                tf.TensorSpec([], tf.int32),
                tf.TensorSpec([None], tf.float32),
                rows,
                tf.TensorSpec([None, None, None], tf.int32),
                tf.TensorSpec([None, None, None], tf.float32),
            ],
            autograph=False,  # it takes a second to rewrite these methods, half of what a small head takes
        )
        self._score = tf.function(self._scores, input_signature=[tf.TensorSpec([None], tf.int32)], autograph=False)

    def restart(self, weights: Sequence[FloatArray], inputs: Inputs) -> None:
        """Forget everything and start from `weights` again; the compiled steps are kept."""
        self.feed(inputs)
        for variable, array in zip(self._weights, weights, strict=True):
            variable.assign(array)
        for variable in (*self._biases, *self._first, *self._second):
            variable.assign(tf.zeros_like(variable))

    def feed(self, inputs: Inputs) -> None:
        """Let the vectors go in like this from now on."""
        self._mean.assign(inputs.mean)
        self._scale.assign(inputs.scale)
        self._class_means.assign(inputs.class_means)
        self._class_weights.assign(_counted(inputs))

    def run(self, first_step: int, rates: FloatArray, batches: Batches) -> FloatArray:
        """Do one step a batch with the learning rates float32[steps] and return the losses float32[steps], in nats.

        `first_step` is how many steps were done before: Adam's bias correction and the dropout follow from it. The
        same steps in one call or in several give the same weights and losses.
        """
        return np.asarray(self._run(first_step, rates, batches.rows, batches.partners, batches.factors))

    def state(self) -> dict[str, FloatArray]:
        """Return a copy of all that the steps change: weights, biases and, for AdamW, both moments of each."""
        return {name: variable.numpy().copy() for name, variable in self._named()}

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        """Go back to what `state` returned, of a network of the same sizes and method.

        Raises:
            KeyError: an array is missing.
            ValueError: an array has another shape.
        """
        for name, variable in self._named():
            variable.assign(state[name])

    def _named(self) -> Iterator[tuple[str, Any]]:
        kinds = {"weight": self._weights, "bias": self._biases, "first": self._first, "second": self._second}
        for kind, variables in kinds.items():
            for index, variable in enumerate(variables):
                yield f"{kind}.{index}", variable

    def score(self, rows: npt.NDArray[np.int32]) -> Score:
        """Score the network on these rows of the vectors, int32[n]."""
        return Score(*(float(value) for value in self._score(rows)))

    def arrays(self) -> list[tuple[FloatArray, FloatArray, str]]:
        """Return a copy of (weight, bias, activation) of each layer, as `trainer.registry.heads.Layer` takes them."""
        last = len(self._weights) - 1
        return [
            (weight.numpy().copy(), bias.numpy().copy(), "relu" if self._has_relu(index, last) else "linear")
            for index, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True))
        ]

    def probabilities(self, vectors: FloatArray) -> FloatArray:
        """Return float32[n, classes] for raw vectors float32[n, d], as TensorFlow computes them."""
        return np.asarray(tf.nn.softmax(self._forward((vectors - self._mean) / self._scale, None)))

    def _has_relu(self, index: int, last: int) -> bool:
        return index < last or self._method.relu_logits

    def _forward(self, hidden: Any, step: Any) -> Any:
        """Return the logits of standardised inputs [batch, d]; `step` seeds the dropout, None is without."""
        last = len(self._weights) - 1
        for index, (weight, bias) in enumerate(zip(self._weights, self._biases, strict=True)):
            hidden = hidden @ weight + bias  # [batch, outputs]
            if self._has_relu(index, last):
                hidden = tf.nn.relu(hidden)
            if index < last and step is not None and self._method.dropout:
                seed = tf.stack([self._method.seed, step * len(self._weights) + index])
                hidden = self._dropped(hidden, seed)
        return hidden

    def _batch(self, rows: Any, partners: Any, factors: Any) -> Any:
        """Return standardised inputs [batch, d]: x + Σ factor · (x' - mean of the class of x') over the partners."""
        raw = tf.gather(self._vectors, rows)
        if self._method.residuals:
            residuals = tf.gather(self._vectors, partners)  # [batch, partners, d]
            residuals -= tf.gather(self._class_means, tf.gather(self._labels, partners))
            raw += tf.reduce_sum(residuals * factors[:, :, tf.newaxis], axis=1)
        return (raw - self._mean) / self._scale

    def _steps(self, first_step: Any, rates: Any, rows: Any, partners: Any, factors: Any) -> Any:
        """Do the steps in a loop of the graph."""
        steps = tf.shape(rows)[0]

        def one(index: Any, losses: Any) -> tuple[Any, Any]:
            batch = rows[index], partners[index], factors[index]
            return index + 1, losses.write(index, self._step(first_step + index, rates[index], *batch))

        _, losses = tf.while_loop(lambda index, _: index < steps, one, (0, tf.TensorArray(tf.float32, steps)))
        return losses.stack()

    def _step(self, step: Any, rate: Any, rows: Any, partners: Any, factors: Any) -> Any:
        """Do one step on a batch, after `step` others, and return its loss."""
        loss, *gradients = self._loss_and_gradients(step, rows, partners, factors)
        self._update(gradients, rate, tf.cast(step + 1, tf.float32))
        return loss

    def _loss_and_gradients(self, step: Any, rows: Any, partners: Any, factors: Any) -> list[Any]:
        smoothing = self._method.label_smoothing
        inputs = self._batch(rows, partners, factors)
        targets = tf.one_hot(tf.gather(self._labels, rows), self._classes)
        targets = targets * (1 - smoothing) + smoothing / self._classes
        with tf.GradientTape() as tape:
            losses = tf.nn.softmax_cross_entropy_with_logits(targets, self._forward(inputs, step))  # [batch]
            if self._method.weighted:
                losses *= tf.gather(self._class_weights, tf.gather(self._labels, rows))
            loss = self._mean_loss(losses)
        return [loss, *tape.gradient(loss, self._variables)]

    def _mean_loss(self, losses: Any) -> Any:
        """Return the loss of a batch from those of its examples [batch]."""
        return tf.reduce_mean(losses)

    def _dropped(self, hidden: Any, seed: Any) -> Any:
        """Return hidden units [batch, units] with some of them dropped."""
        return tf.nn.experimental.stateless_dropout(hidden, self._method.dropout, seed)

    def _update(self, gradients: Any, rate: Any, step: Any) -> None:
        if not self._method.adam:
            for variable, gradient in zip(self._variables, gradients, strict=True):
                tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=gradient)
            return
        slots = zip(self._variables, self._first, self._second, gradients, strict=True)
        for index, (variable, first, second, gradient) in enumerate(slots):
            if index < len(self._weights) and self._method.weight_decay:  # biases are left alone
                # assign_sub would copy the weights first: they are still being read
                variable.assign(variable * (1 - rate * self._method.weight_decay))
            tf.raw_ops.ResourceApplyAdam(  # one kernel for what would be a dozen passes over the weights
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=tf.pow(_BETA1, step),
                beta2_power=tf.pow(_BETA2, step),
                lr=rate,
                beta1=_BETA1,
                beta2=_BETA2,
                epsilon=_EPSILON,
                grad=gradient,
            )

    def _scores(self, rows: Any) -> tuple[Any, Any, Any]:
        losses, hits = self._judged(rows)
        error = tf.math.reduce_std(losses) / tf.sqrt(tf.cast(tf.size(rows), tf.float32))
        return tf.reduce_mean(losses), error, tf.reduce_mean(hits)

    def _judged(self, rows: Any) -> tuple[Any, Any]:
        """Return the loss of each of the rows, float32[n], and 1 where the answer is right, float32[n].

        Many rows are done in pieces, so that no copy of their vectors is large.
        """
        count = tf.shape(rows)[0]
        pieces = (count + _JUDGED_ROWS - 1) // _JUDGED_ROWS

        def one(index: Any, losses: Any, hits: Any) -> tuple[Any, Any, Any]:
            piece = rows[index * _JUDGED_ROWS : (index + 1) * _JUDGED_ROWS]
            outputs = self._forward((tf.gather(self._vectors, piece) - self._mean) / self._scale, None)
            labels = tf.gather(self._labels, piece)
            losses = losses.write(index, tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs))
            return index + 1, losses, hits.write(index, tf.cast(tf.argmax(outputs, 1, tf.int32) == labels, tf.float32))

        found = [tf.TensorArray(tf.float32, pieces, infer_shape=False, element_shape=[None]) for _ in range(2)]
        _, losses, hits = tf.while_loop(lambda index, *_: index < pieces, one, (0, *found))
        return losses.concat(), hits.concat()


def _counted(inputs: Inputs) -> FloatArray:
    """Return what an example of each class counts, float32[classes]."""
    if inputs.class_weights is not None:
        return inputs.class_weights
    return np.ones(len(inputs.class_means), np.float32)

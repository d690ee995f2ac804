"""Keras' own `predict` on the same network, in a process of its own: a worker that measures it in a loop.

python benchmarks/keras_predict.py FOLDER
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
from bench.dialogue import serve
from bench.loops import in_batches, one_at_a_time
from bench.pictures import jpegs_of
from peers.inception import decode, inception

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def main() -> None:
    """Build, warm up, answer."""
    contents = jpegs_of(Path(sys.argv[1]))
    model = inception()

    def run(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = model.predict(pictures, verbose=0)
        return vectors

    for batch in (1, 32):  # Keras traces and plans for each shape
        in_batches(decode, run, contents, batch, seconds=0)

    def identity() -> dict[str, Any]:
        dimensions, engine = int(model.output_shape[-1]), keras.backend.backend()
        return {"dimensions": dimensions, "precision": "float32", "layer": "avg_pool", "engine": engine}

    serve(
        identity=identity,
        one=partial(one_at_a_time, decode, run, contents),
        batches=partial(in_batches, decode, run, contents),
    )


if __name__ == "__main__":
    main()

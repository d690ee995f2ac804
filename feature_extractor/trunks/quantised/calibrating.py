"""Quantises a frozen graph with NNCF; run by its path, in an environment that has openvino, nncf and numpy alone.

It ends when its standard input does: that is how it learns that the command which started it is gone.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the graph and the pictures, write the 8-bit network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graph", type=Path, required=True, help="frozen TensorFlow graph, uint8 pictures in")
    parser.add_argument("--pixels", type=Path, required=True, help=".npy of uint8[n, 299, 299, 3]")
    parser.add_argument("--output", type=Path, required=True, help="the .xml to write, with a .bin beside it")
    options = parser.parse_args()
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # NNCF then reports to nobody
    import numpy as np
    import openvino

    model = openvino.Core().read_model(options.graph)
    fold_scales(model)
    pixels = np.load(options.pixels, mmap_mode="r")
    openvino.save_model(quantise(model, pixels), options.output, compress_to_fp16=False)


def quantise(model: Any, pixels: Any) -> Any:
    """The model in 8 bits: weights by output channel, activations by tensor, ranges as in the pictures.

    Symmetric activations: nothing but the input is ever negative, and measured against asymmetric ones they lose less
    where it is worst; docs/quantised.md has the figures.
    """
    import nncf
    import numpy as np

    dataset = nncf.Dataset([np.ascontiguousarray(pixels[i : i + 1]) for i in range(len(pixels))])
    return nncf.quantize(model, dataset, preset=nncf.QuantizationPreset.PERFORMANCE, subset_size=len(pixels))


def fold_scales(model: Any) -> None:
    """Multiply the scale behind a convolution, of a folded batch norm, into its kernel.

    What is added then follows the convolution directly, and NNCF takes it for the bias that it is, to be corrected for
    the mean error of rounding.
    """
    from openvino import opset13

    for scale in model.get_ordered_ops():
        if scale.get_type_name() != "Multiply":
            continue
        convolution, factors = (each.get_source_output().get_node() for each in scale.inputs())
        if (convolution.get_type_name(), factors.get_type_name()) != ("Convolution", "Constant"):
            continue
        if len(convolution.output(0).get_target_inputs()) != 1:
            continue
        kernel = convolution.input(1).get_source_output().get_node().get_data()  # [out, in, height, width]
        folded = kernel * factors.get_data().reshape(-1, 1, 1, 1)
        convolution.input(1).replace_source_output(opset13.constant(folded).output(0))
        for user in scale.output(0).get_target_inputs():
            user.replace_source_output(convolution.output(0))
    model.validate_nodes_and_infer_types()


def _end_with_the_starter() -> None:
    os.read(0, 1)  # of the descriptor: a thread that waits in sys.stdin would disturb the interpreter's end
    os._exit(1)


if __name__ == "__main__":
    main()

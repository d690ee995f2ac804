"""Keras networks on TensorFlow: frozen into a graph, which runs in a session of its own.

Importing this module is cheap; its functions import TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feature_extractor.decoding.squares import INPUT_SIZE_PX
from feature_extractor.trunks.devices import Device, SeenDevice
from feature_extractor.trunks.engines.bfloat16_weights import for_bfloat16
from feature_extractor.trunks.engines.choice import TENSORFLOW
from feature_extractor.trunks.precision import BFLOAT16

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from feature_extractor.trunks.engines.programs import Program
    from feature_extractor.trunks.weights.arrays import Arrays

_HALF_RANGE = 127.5


class TensorFlowEngine:
    """The engine of choice."""

    name = TENSORFLOW
    bfloat16_pays_on_cpu = True

    def devices(self, threads: int) -> tuple[SeenDevice, ...]:
        """Cap the threads, let memory grow, multiply float32 as float32; then what there is and can be used."""
        import tensorflow as tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.experimental.enable_tensor_float_32_execution(False)
        found = tf.config.list_physical_devices("GPU")
        for device in found:
            tf.config.experimental.set_memory_growth(device, True)
        if found and not tf.config.list_logical_devices("GPU"):  # it leaves out those too old or too small for it
            found = []
        details = [tf.config.experimental.get_device_details(device) for device in found]
        seen = [SeenDevice("GPU", each.get("device_name", ""), each.get("compute_capability")) for each in details]
        return (*seen, SeenDevice("CPU"))

    def mixed(self, precision: str, device: Device) -> bool:
        """On a processor the graph's optimiser turns to bfloat16 after batch norms are folded, which is faster.

        Its counterpart for GPUs knows float16 alone.
        """
        return precision == BFLOAT16 and device.accelerated

    def prepared(self, arrays: Arrays, precision: str, device: Device, layer: str) -> Arrays:
        """For a processor's bfloat16 rounded with care."""
        if precision != BFLOAT16 or device.accelerated:
            return arrays
        from feature_extractor.trunks.engines.processor_bfloat16 import EXACT_CONVOLUTIONS

        return for_bfloat16(arrays, exact=EXACT_CONVOLUTIONS, layer=layer)

    def program(self, model: Any, precision: str, device: Device, threads: int) -> Program:
        """Freeze the model and start a session for it."""
        if precision == BFLOAT16 and not device.accelerated:
            from feature_extractor.trunks.engines.processor_bfloat16 import ProcessorBfloat16Program

            return ProcessorBfloat16Program(model, device, threads)
        return SessionProgram(freeze(model), precision, device, threads)


class SessionProgram:
    """A frozen function in a session.

    A session has its own optimiser options. TensorFlow's eager ones are read anew at every call, for the whole
    process: a second trunk of another precision would change what the first one computes.
    """

    def __init__(self, frozen: Any, precision: str, device: Device, threads: int) -> None:
        import tensorflow as tf

        self._frozen = frozen
        self._config = session_config(precision, device, threads)
        self._device = "GPU:0" if device.kind == "GPU" else "CPU:0"
        session = tf.compat.v1.Session(graph=frozen.graph, config=self._config)
        self._run = session.make_callable(frozen.outputs[0].name, feed_list=[frozen.inputs[0].name])

    def __call__(self, pixels: NDArray[Any], /) -> NDArray[np.float32]:
        """uint8[n, 299, 299, 3] to float32[n, dimensions]."""
        vectors: NDArray[np.float32] = self._run(pixels)
        return vectors

    def resident(self, pixels: NDArray[np.uint8], /) -> Callable[[], None]:
        """The graph once more, fed from a variable that lies on the device; nothing of the outcome is fetched."""
        import tensorflow as tf

        graph = tf.Graph()
        with graph.as_default(), tf.device(self._device):
            held = tf.compat.v1.get_variable("pixels", initializer=pixels, use_resource=True, trainable=False)
        with graph.as_default():
            (vectors,) = tf.graph_util.import_graph_def(
                self._frozen.graph.as_graph_def(),
                input_map={self._frozen.inputs[0].name: held.read_value()},
                return_elements=[self._frozen.outputs[0].name],
            )
        session = tf.compat.v1.Session(graph=graph, config=self._config)
        session.run(held.initializer)
        run: Callable[[], None] = session.make_callable(vectors.op)
        return run


def freeze(model: Any) -> Any:
    """A concrete function of one graph, weights as constants: batch norms fold into convolutions, ReLUs fuse.

    uint8[n, 299, 299, 3] in; cast and scaled to [-1, 1] inside the graph; float32[n, dimensions] out.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def forward(images: Any) -> Any:
        scaled = tf.cast(images, tf.float32) / _HALF_RANGE - 1.0
        return tf.cast(model(scaled, training=False), tf.float32)

    shape = tf.TensorSpec((None, INPUT_SIZE_PX, INPUT_SIZE_PX, 3), tf.uint8)
    return convert_variables_to_constants_v2(tf.function(forward).get_concrete_function(shape))


def freeze_features(model: Any) -> Any:
    """The same of a model that takes what another has computed: float32 in and out."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def forward(features: Any) -> Any:
        return model(features, training=False)

    shape = tf.TensorSpec(model.inputs[0].shape, tf.float32)
    return convert_variables_to_constants_v2(tf.function(forward).get_concrete_function(shape))


def session_config(precision: str, device: Device, threads: int) -> Any:
    """How a session runs a trunk's graph, on so many threads (0: one a core): a ConfigProto."""
    import tensorflow as tf
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads, allow_soft_placement=True
    )
    config.gpu_options.allow_growth = True
    on_cpu = precision == BFLOAT16 and not device.accelerated
    rewriting = config.graph_options.rewrite_options
    rewriting.auto_mixed_precision_onednn_bfloat16 = RewriterConfig.ON if on_cpu else RewriterConfig.OFF
    if device.kind == "GPU":  # XLA; on the processor oneDNN's kernels are faster
        config.graph_options.optimizer_options.global_jit_level = tf.compat.v1.OptimizerOptions.ON_1
    return config

"""Parts of a frozen graph as TensorFlow sessions, each callable from many threads.

Importing this module is cheap; its functions import TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feature_extractor.trunks.graphdef.structure import missing
from feature_extractor.trunks.precision import BFLOAT16
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from feature_extractor.trunks.graphdef.plan import Resizing
    from feature_extractor.trunks.graphdef.structure import Structure, Tensor

_CALLERS_THREAD = -1


def part_of(graph_def: Any, structure: Structure, tensors: Iterable[Tensor], *, cut: Resizing | None = None) -> Any:
    """A GraphDef of what these tensors depend on.

    Devices and colocations are left out: they name machines and nodes that are not here. At `cut`, the node is
    replaced by a placeholder of its name and type for [n, height, width, 3]: what TensorFlow infers from a graph for
    one picture, a batch of one all the way, must not be folded into it.
    """
    from tensorflow.core.framework.graph_pb2 import GraphDef

    stop = cut.tensor.node if cut else ""
    wanted = structure.ancestors((tensor.node for tensor in tensors), stop=stop)
    part = GraphDef()
    part.versions.CopyFrom(graph_def.versions)  # old operations are legal in old graphs only
    for node in graph_def.node:
        if node.name in wanted and node.name != stop:
            kept = part.node.add()
            kept.CopyFrom(node)
            kept.device = ""
            for attribute in [key for key in kept.attr if key.startswith("_")]:
                del kept.attr[attribute]
    if cut:
        _add_placeholder(part, cut, structure.nodes[stop])
    return part


def import_graph(part: Any, source: str) -> Any:
    """A tf.Graph, its operations and shapes checked by TensorFlow.

    Raises:
        FailedPreconditionError: GRAPH_UNREADABLE.
    """
    import tensorflow as tf

    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(part, name="")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise FailedPreconditionError(
            f"TensorFlow {tf.__version__} does not take the graph {source}: {error}", reason="GRAPH_UNREADABLE"
        ) from error
    return graph


def size_pool(threads: int) -> None:
    """Let operations of this process use so many threads (0: one a core); to be called before any session is started.

    TensorFlow has one pool for all sessions, as large as the first one of the process asks for, and preparing asks for
    one thread.
    """
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, device_count={"GPU": 0})
    tf.compat.v1.Session(graph=tf.Graph(), config=config).close()


def start_network(
    graph: Any, feed: Tensor, fetch: Tensor, *, threads: int, precision: str, gpu: bool, source: str
) -> Callable[[Any], Any]:
    """What computes `fetch` from `feed`, on so many threads (0: one a core); callable from many threads.

    Raises:
        FailedPreconditionError: GRAPH_TENSOR_MISSING, one of the nodes has fewer outputs.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

    _check_outputs(graph, (feed, fetch), source)
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads, allow_soft_placement=True
    )
    config.gpu_options.allow_growth = True
    if not gpu:
        config.device_count["GPU"] = 0
    onednn_bfloat16 = RewriterConfig.ON if precision == BFLOAT16 else RewriterConfig.OFF
    config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = onednn_bfloat16
    session = tf.compat.v1.Session(graph=graph, config=config)
    run: Callable[[Any], Any] = session.make_callable(str(fetch), feed_list=[str(feed)])
    return run


def start_preparation(graph: Any, feed: Tensor, fetch: Tensor, *, source: str) -> Callable[[Any], Any]:
    """As `start_network`, but on the processor and in the caller's own thread.

    Decoding must not wait behind a batch for one of the threads that compute, and each decoding thread uses one core.
    """
    import tensorflow as tf

    _check_outputs(graph, (feed, fetch), source)
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, device_count={"GPU": 0})
    session = tf.compat.v1.Session(graph=graph, config=config)
    options = tf.compat.v1.RunOptions(inter_op_thread_pool=_CALLERS_THREAD)
    feed_name, fetch_name = str(feed), str(fetch)

    def run(value: Any) -> Any:
        return session.run(fetch_name, {feed_name: value}, options=options)

    return run


def _check_outputs(graph: Any, tensors: Iterable[Tensor], source: str) -> None:
    for tensor in tensors:
        outputs = len(graph.get_operation_by_name(tensor.node).outputs)
        if tensor.index >= outputs:
            raise missing(source, str(tensor), f"node {tensor.node} has {outputs} outputs, counted from 0")


def _add_placeholder(part: Any, cut: Resizing, resizer: Any) -> None:
    import tensorflow as tf

    node = part.node.add(name=cut.tensor.node, op="Placeholder")
    kept = resizer.op == "ResizeNearestNeighbor"  # the others give float32 whatever they take
    node.attr["dtype"].type = resizer.attr["T"].type if kept else tf.float32.as_datatype_enum
    for size in (-1, cut.height_px, cut.width_px, 3):
        node.attr["shape"].shape.dim.add(size=size)

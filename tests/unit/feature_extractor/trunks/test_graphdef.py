"""Frozen graphs as trunks: both modes against NumPy and Keras, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from frozen_graphs import SmallGraph, encoded, inception_graph, small_graph, texture, write_graph

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.decoding.views import Distortion
from feature_extractor.trunks.graphdef.opening import OpenedGraph, open_graph
from graft.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.tensorflow

LIMITS = DecodeLimits(max_bytes=2**20, max_pixels=10**6, max_side_px=2000)
SIZES = [(299, 299), (640, 480), (97, 211), (17, 500), (1, 1)]


@pytest.fixture(scope="module")
def small() -> SmallGraph:
    """The small graph of old operations."""
    return small_graph()


@pytest.fixture(scope="module")
def small_path(small: SmallGraph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file."""
    return write_graph(tmp_path_factory.mktemp("graphs") / "small.pb", small.graph_def)


@pytest.fixture(scope="module")
def batched(small_path: Path) -> OpenedGraph:
    """The small graph in batches."""
    return open_graph(small_path, mode="batched", limits=LIMITS)


@pytest.fixture(scope="module")
def faithful(small_path: Path) -> OpenedGraph:
    """The small graph run whole."""
    return open_graph(small_path, mode="faithful", limits=LIMITS)


def vectors_of(graph: OpenedGraph, contents: list[bytes]) -> Any:
    """float32[n, d], as the batcher stacks and runs them."""
    return graph.run(np.stack([graph.prepare(content).pixels for content in contents]))


def test_old_operations_compute_what_they_mean(small: SmallGraph, batched: OpenedGraph, faithful: OpenedGraph) -> None:
    """Both modes give what NumPy computes from the resized pixels."""
    contents = [encoded(texture(*size, seed=i)) for i, size in enumerate(SIZES)]
    expected = small.vectors(np.stack([batched.prepare(content).pixels for content in contents]))
    assert np.ptp(expected, axis=0).min() > 100 * 1e-5  # the pictures do differ
    assert np.allclose(vectors_of(batched, contents), expected, atol=1e-5)
    assert np.allclose(vectors_of(faithful, contents), expected, atol=1e-5)


def test_both_modes_describe_one_trunk(batched: OpenedGraph, faithful: OpenedGraph) -> None:
    """Same file, same dimensions, same preprocessing id; they differ in what an item is."""
    assert (batched.dimensions, batched.sha256, batched.preprocessing) == (
        faithful.dimensions,
        faithful.sha256,
        faithful.preprocessing,
    )
    assert (batched.preprocessing, batched.input_size_px, batched.dimensions) == ("tf-decode-resize-16-v1", 16, 8)
    assert (batched.blank.shape, batched.blank.dtype) == ((16, 16, 3), np.float32)
    assert (faithful.blank.shape, faithful.blank.dtype) == ((), object)


@pytest.mark.parametrize("mode", ["batched", "faithful"])
def test_the_network_sizes_the_pool_of_threads(
    small_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Literal["batched", "faithful"]
) -> None:
    """The process's first session asks for the network's threads: TensorFlow's pool keeps the first one's size."""
    import tensorflow as tf

    asked: list[int] = []

    class Recorded(tf.compat.v1.Session):  # type: ignore[misc]  # TensorFlow has no types
        def __init__(self, *, graph: Any, config: Any) -> None:
            asked.append(config.intra_op_parallelism_threads)
            super().__init__(graph=graph, config=config)

    monkeypatch.setattr(tf.compat.v1, "Session", Recorded)
    open_graph(small_path, mode=mode, threads=3, limits=LIMITS)
    assert asked[0] == 3
    assert set(asked) == {1, 3}  # preparing asks for one


def test_inception_equals_the_keras_network(tmp_path: Path) -> None:
    """Under the names of 2015, on JPEGs of several sizes: both modes agree to 1e-4 and give what Keras gives."""
    import keras

    from feature_extractor.trunks.architecture import Network
    from feature_extractor.trunks.weights.untrained import random_arrays

    network = Network()
    network.set_arrays(random_arrays(network.specs, 3), "random:3")
    pooled = network.cut("avg_pool")
    maps = keras.Model(pooled.inputs[0], pooled.layers[-1].output)  # the average over positions is no layer
    path = write_graph(tmp_path / "inception.pb", inception_graph(maps))
    contents = [encoded(texture(*size, seed=i)) for i, size in enumerate(SIZES[:4])]
    batched = open_graph(path, limits=LIMITS)
    faithful = open_graph(path, limits=LIMITS, mode="faithful")
    together, one_by_one = vectors_of(batched, contents), vectors_of(faithful, contents)
    resized = np.stack([batched.prepare(content).pixels for content in contents])
    expected = pooled((resized - 128) / 128, training=False).numpy()
    assert together.shape == one_by_one.shape == (4, 2048)
    assert np.abs(expected[0] - expected[1]).max() > 0.01
    assert np.abs(together - one_by_one).max() <= 1e-4 * np.abs(one_by_one).max()
    assert np.allclose(together, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_other_formats_that_tensorflow_decodes(batched: OpenedGraph, faithful: OpenedGraph, kind: str) -> None:
    """TensorFlow's DecodeJpeg takes a PNG and a still GIF as well, and gives the same in both modes."""
    content = encoded(texture(30, 20), kind)
    assert np.allclose(vectors_of(batched, [content]), vectors_of(faithful, [content]), atol=1e-5)


@pytest.mark.parametrize("mode", ["batched", "faithful"])
@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (b"", "EMPTY_IMAGE", "empty"),
        (b"<!doctype html><p>no", "UNSUPPORTED_FORMAT", "an HTML page"),
        (encoded(texture(30, 20), "BMP"), "UNSUPPORTED_FORMAT", "a BMP picture"),
        (encoded(texture(30, 20), "WEBP"), "UNSUPPORTED_FORMAT", "JPEG, PNG, GIF only"),
        (encoded(texture(30, 20), "TIFF"), "UNSUPPORTED_FORMAT", "a TIFF picture"),
        (encoded(texture(64, 64), "JPEG")[:-600], "CORRUPT_IMAGE", "broken or cut short"),
        (encoded(texture(64, 64), "PNG")[:-600], "CORRUPT_IMAGE", "broken or cut short"),
        (b"\xff\xd8\xff\xe0 no more", "CORRUPT_IMAGE", "starts as a JPEG"),
        (encoded(texture(1001, 1000), "PNG", compress_level=1)[:3000], "TOO_MANY_PIXELS", "1001 x 1000"),
        (encoded(texture(2001, 1)), "TOO_MANY_PIXELS", "2001 x 1"),
        (bytes(2**20 + 1), "IMAGE_TOO_LARGE", "1,048,577 bytes"),
        (b"\xff\xd8" + b"\xff\xda\x00\x02" * 101, "CORRUPT_IMAGE", "more than 100 scans"),
    ],
)
def test_a_bad_picture_is_refused_before_the_batch(
    batched: OpenedGraph, faithful: OpenedGraph, mode: str, content: bytes, reason: str, words: str
) -> None:
    """Preparing finds all that is wrong with a picture, so that no batch fails of it."""
    graph = batched if mode == "batched" else faithful
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        graph.prepare(content)
    assert caught.value.reason == reason


def test_an_animation_is_refused(batched: OpenedGraph) -> None:
    """TensorFlow's DecodeJpeg fails at a second frame."""
    import io

    from PIL import Image

    frames = [Image.fromarray(texture(20, 20, seed)) for seed in range(2)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(InvalidArgumentError, match="several frames") as caught:
        batched.prepare(buffer.getvalue())
    assert caught.value.reason == "UNSUPPORTED_FORMAT"


def test_the_first_picture_of_a_phones_jpeg_is_taken(batched: OpenedGraph) -> None:
    """Phones append further pictures, which TensorFlow's DecodeJpeg does not look at."""
    import io

    from PIL import Image

    first, second = (Image.fromarray(texture(32, 32, seed)) for seed in range(2))
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    alone = batched.prepare(encoded(texture(32, 32), "JPEG")).pixels
    assert np.allclose(batched.prepare(buffer.getvalue()).pixels, alone, atol=2)


def test_limits_of_pictures_are_no_limits_of_the_graph(small_path: Path) -> None:
    """A graph is opened, and tried out, although pictures of its input size would be refused."""
    opened = open_graph(small_path, limits=DecodeLimits(max_bytes=10, max_pixels=9))
    with pytest.raises(InvalidArgumentError, match="more than the 10 allowed"):
        opened.prepare(encoded(texture(4, 4)))


def test_a_resizing_that_keeps_whole_numbers(tmp_path: Path) -> None:
    """The network is fed what ResizeNearestNeighbor gives, uint8, views too; both modes agree."""
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        taken = tf.compat.v1.placeholder(tf.string, (), name="DecodeJpeg/contents")
        batch = tf.expand_dims(tf.io.decode_jpeg(taken, channels=3), 0)
        resized = tf.compat.v1.image.resize_nearest_neighbor(batch, (8, 8))
        tf.reduce_mean(tf.cast(resized, tf.float32), axis=(1, 2), name="pool")
    path = write_graph(tmp_path / "nearest.pb", graph.as_graph_def())
    batched = open_graph(path, output_name="pool", limits=LIMITS)
    faithful = open_graph(path, output_name="pool", limits=LIMITS, mode="faithful")
    contents = [encoded(texture(20, 30, seed)) for seed in range(2)]
    assert np.allclose(vectors_of(batched, contents), vectors_of(faithful, contents), atol=1e-3)
    brighter = Distortion(mirror=True, left=0.0, top=0.0, right=1.0, bottom=1.0, brightness=1.3)
    prepared = batched.prepare(contents[0], [brighter])
    assert prepared.pixels.dtype == prepared.views[0].dtype == np.uint8
    expected = np.minimum(prepared.pixels[:, ::-1].astype(float) * 1.3, 255)
    assert np.abs(prepared.views[0] - expected).max() <= 0.51


def test_the_preview_stands_upright(batched: OpenedGraph) -> None:
    """The graph knows no EXIF orientation, the preview does; width and height are those of the file."""
    import io

    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    prepared = batched.prepare(encoded(texture(40, 20), exif=exif.tobytes()))
    assert (prepared.width_px, prepared.height_px) == (40, 20)
    assert Image.open(io.BytesIO(prepared.preview)).size == (20, 40)


def test_views_are_cut_mirrored_and_brightened(batched: OpenedGraph) -> None:
    """A view of the right half is what the right half as a picture of its own gives; white is the limit."""
    pixels = texture(64, 32)
    plain = Distortion(mirror=False, left=0.5, top=0.0, right=1.0, bottom=1.0, brightness=1.0)
    mirrored = Distortion(mirror=True, left=0.0, top=0.0, right=1.0, bottom=1.0, brightness=1.5)
    prepared = batched.prepare(encoded(pixels, "PNG"), [plain, mirrored])
    half, bright = prepared.views
    assert np.array_equal(half, batched.prepare(encoded(pixels[:, 32:], "PNG")).pixels)
    assert np.allclose(bright, np.minimum(prepared.pixels[:, ::-1] * 1.5, 255))
    assert bright.max() == 255
    assert bright.dtype == np.float32


def test_views_of_a_graph_that_is_run_whole_are_refused(faithful: OpenedGraph) -> None:
    """There is no place for them, and the message names the mode that has one."""
    with pytest.raises(FailedPreconditionError, match="--graph-mode batched") as caught:
        faithful.prepare(encoded(texture(9, 9)), [Distortion(True, 0, 0, 1, 1, 1)])
    assert caught.value.reason == "VIEWS_UNSUPPORTED"


def test_threads_may_share_a_graph(batched: OpenedGraph, faithful: OpenedGraph) -> None:
    """Preparing and running from several threads at once gives what one thread gets."""
    contents = [encoded(texture(50 + i, 40, i)) for i in range(8)]
    for graph in (batched, faithful):
        expected = [vectors_of(graph, [content]) for content in contents]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda content, graph=graph: vectors_of(graph, [content]), contents))
        assert np.allclose(found, expected, atol=1e-6)

"""Makes a quantised trunk: float32 graph, calibration, losses measured on the spot, everything into the home."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from feature_extractor.decoding.images import PREPROCESSING_ID
from feature_extractor.trunks.quantised.losses import cosine_loss, head_loss
from feature_extractor.trunks.quantised.manifest import Manifest
from feature_extractor.trunks.quantised.running import CompiledNetwork
from feature_extractor.trunks.quantised.store import MODEL_FILES, MODEL_NAME, file_sha256, keep_quantised
from feature_extractor.trunks.quantised.tool_environment import REQUIREMENTS, ensure_environment, environment_folder
from feature_extractor.trunks.weights.arrays import weights_sha256
from feature_extractor.trunks.weights.record import RECORD_NAME, TrunkRecord
from feature_extractor.trunks.weights.resolving import resolve
from feature_extractor.trunks.weights.sources import source_of
from graft.errors import FailedPreconditionError
from graft.owner_lock import OwnerLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from feature_extractor.trunks.quantised.pictures import Pictures
    from feature_extractor.trunks.quantised.store import QuantisedTrunk

_SCRIPT = Path(__file__).with_name("calibrating.py")
_BATCH = 8
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Float32Trunk:
    """The network to be quantised.

    Attributes:
        weights: their specification, never `auto`.
        sha256: of their values.
        layer: where the network is cut.
        reason: why these weights, in a sentence for people.
        frozen: TensorFlow's concrete function, uint8[n, 299, 299, 3] to float32[n, dimensions].
    """

    weights: str
    sha256: str
    layer: str
    reason: str
    frozen: Any

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Run a batch."""
        import tensorflow as tf

        vectors: NDArray[np.float32] = self.frozen(tf.constant(pixels))[0].numpy()
        return vectors

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.frozen.outputs[0].shape[-1])


@contextmanager
def work_folder(home: Path) -> Iterator[Path]:
    """An empty folder in the home for one quantisation at a time, removed afterwards, as is what a killed one left.

    Raises:
        FailedPreconditionError: QUANTIZE_RUNNING.
    """
    tools = home / "tools"
    tools.mkdir(parents=True, exist_ok=True)
    (home / "weights").mkdir(exist_ok=True)
    lock = OwnerLock(tools / "quantize.lock", "QUANTIZE_RUNNING")
    folder = home / "weights" / "quantising"  # on the disk that the outcome is renamed on
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def build_float32(home: Path, weights: str, layer: str) -> Float32Trunk:
    """The float32 network of these weights, fetched into the home where it must be; an empty layer is their own.

    Raises:
        InvalidArgumentError: UNKNOWN_WEIGHTS, UNKNOWN_LAYER.
        FailedPreconditionError: WEIGHTS_CHANGED, WEIGHTS_MISMATCH and the like.
        UnavailableError: WEIGHTS_UNREACHABLE.
        DataLossError: WEIGHTS_DAMAGED.
    """
    from feature_extractor.trunks.architecture import Network
    from feature_extractor.trunks.engines.tensorflow_engine import freeze

    network = Network()
    folder = home / "weights"
    known = TrunkRecord(folder / RECORD_NAME).entries()
    source, arrays, reason = resolve(weights, folder, network.specs, threading.Event(), source_of, known)
    network.set_arrays(arrays, source.spec)
    cut = layer or source.default_layer
    return Float32Trunk(source.spec, weights_sha256(arrays), cut, reason, freeze(network.cut(cut)))


def make_quantised(
    home: Path, work: Path, trunk: Float32Trunk, pictures: Pictures, say: Callable[[str], None]
) -> QuantisedTrunk:
    """Calibrate, measure and keep, with `work_folder` to work in; a minute or two, the quantiser's installation aside.

    Raises:
        UnavailableError: TOOLS_UNREACHABLE.
        FailedPreconditionError: QUANTISER_FAILED, TOOLS_UNUSABLE.
        OSError: the disk is full.
    """
    python = ensure_environment(environment_folder(home), say)
    say(f"calibrating {trunk.weights} at {trunk.layer} on {pictures.calibrating} pictures: a minute or two")
    made = work / "made"
    made.mkdir()
    calibrate(python, work, made, trunk, pictures)
    say(f"measuring on {len(pictures.pixels)} pictures")
    float32 = in_batches(trunk, pictures.pixels)
    graph, weights = ((made / name).read_bytes() for name in MODEL_FILES)
    int8 = in_batches(CompiledNetwork(graph, weights), pictures.pixels)
    manifest = Manifest(
        weights=trunk.weights,
        base_weights_sha256=trunk.sha256,
        layer=trunk.layer,
        preprocessing=PREPROCESSING_ID,
        dimensions=trunk.dimensions,
        files={name: file_sha256(made / name) for name in MODEL_FILES},
        versions=dict(REQUIREMENTS),
        pictures=pictures.calibrating,
        pictures_sha256=pictures.calibration_sha256,
        made_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        cosine=cosine_loss(float32[pictures.calibrating :], int8[pictures.calibrating :]),
        head=head_loss(float32, int8, pictures.labels),
    )
    return keep_quantised(home, made, manifest)


def calibrate(python: Path, work: Path, made: Path, trunk: Float32Trunk, pictures: Pictures) -> None:
    """Run the quantiser in its environment: from files in `work` to the network's in `made`.

    Raises:
        FailedPreconditionError: QUANTISER_FAILED.
    """
    graph, pixels = work / "float32.pb", work / "pixels.npy"
    graph.write_bytes(trunk.frozen.graph.as_graph_def().SerializeToString())
    np.save(pixels, pictures.pixels[: pictures.calibrating])
    arguments = ["--graph", str(graph), "--pixels", str(pixels), "--output", str(made / MODEL_NAME)]
    log = work / "log"  # its progress; worth reading when it fails
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - the environment's own Python and a script of this package
            [str(python), "-I", str(_SCRIPT), *arguments],
            stdin=subprocess.PIPE,  # closes with this process, however it ends; the script ends then too
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        process.wait()
    if process.returncode != 0:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise FailedPreconditionError(
            f"the quantiser ended with code {process.returncode}: {'; '.join(lines[-_LAST_LINES:])}",
            reason="QUANTISER_FAILED",
        )


def in_batches(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """float32[n, d] of uint8[n, 299, 299, 3], a few at a time."""
    return np.concatenate([run(pixels[start : start + _BATCH]) for start in range(0, len(pixels), _BATCH)])

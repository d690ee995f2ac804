"""Loading an 8-bit trunk: found by the weights it was made from, and that very one at every later start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from feature_extractor.trunks.engines import quantised_trunks
from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.quantised.manifest import CosineLoss, Manifest
from feature_extractor.trunks.quantised.store import MODEL_FILES, QuantisedTrunk, file_sha256, keep_quantised
from feature_extractor.trunks.weights.record import TrunkRequest
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = TrunkRequest("random:0", "mixed0", "int8")
RANDOM_0 = "c34624632a8bddb5cd734dbb62d72c01fa466c648cbf214bb05591d17e9615a5"  # of the weights random:0


def keep_network(home: Path, factor: float, made_at: str) -> QuantisedTrunk:
    """Put a tiny network into the home as if it had been quantised: mean colours, multiplied."""
    import openvino
    from openvino import opset13

    pictures = opset13.parameter([-1, 299, 299, 3], np.uint8)
    means = opset13.reduce_mean(opset13.convert(pictures, "f32"), opset13.constant(np.array([1, 2])), keep_dims=False)
    scaled = means * opset13.constant(np.array(factor, np.float32))
    made = home / "weights" / f"made-{made_at}"
    made.mkdir(parents=True)
    openvino.save_model(openvino.Model([scaled], [pictures]), made / "model.xml", compress_to_fp16=False)
    manifest = Manifest(
        weights="random:0",
        base_weights_sha256=RANDOM_0,
        layer="mixed0",
        preprocessing="pil-antialias-299-v1",
        dimensions=3,
        files={name: file_sha256(made / name) for name in MODEL_FILES},
        versions={},
        pictures=0,
        pictures_sha256="",
        made_at=made_at,
        cosine=CosineLoss(0, 1, 1, 1),
        head=None,
    )
    return keep_quantised(home, made, manifest)


@pytest.mark.tensorflow
@pytest.mark.openvino
def test_a_home_without_one_says_how_to_make_it(tmp_path: Path) -> None:
    """The command, with the weights and the layer asked for; nothing is recorded."""
    with pytest.raises(
        FailedPreconditionError, match="graft trunk quantize --from FOLDER --weights random:0 --layer mixed0"
    ) as caught:
        load_trunk(tmp_path, REQUEST)
    assert caught.value.reason == "QUANTISED_TRUNK_MISSING"
    assert not (tmp_path / "weights" / "resolved.json").exists()


@pytest.mark.tensorflow
@pytest.mark.openvino
def test_the_first_one_stays(tmp_path: Path) -> None:
    """Its identity is of its own files; one made later is another trunk, which this request does not become."""
    first = keep_network(tmp_path, 2.0, "2026-01-01")
    loaded = load_trunk(tmp_path, REQUEST)
    identity = loaded.resolution.identity
    assert (identity.weights_sha256, identity.engine, identity.precision) == (first.sha256, "openvino", "int8")
    assert loaded.resolution.quantised_from == RANDOM_0
    loaded.trunk.warm_up()
    grey = np.full((3, 299, 299, 3), 50, np.uint8)
    assert np.allclose(loaded.trunk(grey), 100, atol=0.5)
    keep_network(tmp_path, 3.0, "2026-01-02")
    assert load_trunk(tmp_path, REQUEST).resolution == loaded.resolution
    assert np.allclose(load_trunk(tmp_path, REQUEST).trunk(grey), 100, atol=0.5)
    for path in first.folder.iterdir():
        path.unlink()
    first.folder.rmdir()
    with pytest.raises(FailedPreconditionError, match=first.sha256) as caught:
        load_trunk(tmp_path, REQUEST)
    assert caught.value.reason == "QUANTISED_TRUNK_MISSING"


@pytest.mark.tensorflow
@pytest.mark.openvino
@pytest.mark.parametrize("saturates", [True, False])
def test_a_processor_that_may_saturate_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, saturates: bool
) -> None:
    """In the log, since the trunk runs all the same."""
    monkeypatch.setattr(quantised_trunks, "processor_saturates_8_bit", lambda: saturates)
    keep_network(tmp_path, 2.0, "2026-01-01")
    load_trunk(tmp_path, REQUEST)
    assert ("may saturate" in caplog.text) == saturates


@pytest.mark.tensorflow
@pytest.mark.openvino
def test_no_gpu_runs_it(tmp_path: Path) -> None:
    """Asked for on a GPU it is refused, unless the processor will do, which is told."""
    keep_network(tmp_path, 2.0, "2026-01-01")
    with pytest.raises(FailedPreconditionError, match="openvino finds no such GPU") as caught:
        load_trunk(tmp_path, REQUEST, device="gpu")
    assert caught.value.reason == "DEVICE_UNAVAILABLE"
    assert load_trunk(tmp_path, REQUEST, device="gpu", cpu_fallback=True).cpu_fallback

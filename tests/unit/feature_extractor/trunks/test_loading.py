"""Loading: a home's trunk is chosen once, and from then on is that trunk or an error."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.trunks.loading import in_one_spelling, load_trunk
from feature_extractor.trunks.weights.record import TrunkRequest
from feature_extractor.trunks.weights.sources import Untrained, WeightsSource, source_of
from graft.errors import CancelledError, FailedPreconditionError, InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = TrunkRequest("random:0", "mixed0", "float32")


@dataclass(frozen=True)
class Unreachable:
    """A source whose host is away."""

    spec: str = "imagenet"
    default_layer: str = "avg_pool"

    def arrays(self, *_: Any) -> Any:
        """Fail as a closed network does."""
        raise UnavailableError("the host is away", reason="WEIGHTS_UNREACHABLE")


@dataclass(frozen=True)
class Fallback(Untrained):
    """Stands for the second choice."""

    spec = "nsfwjs"  # type: ignore[assignment,misc]  # a constant in place of the property
    default_layer: str = "mixed7"


def closed_network(spec: str) -> WeightsSource:
    """The first choice is away, the second is there."""
    return Unreachable() if spec == "imagenet" else Fallback(0)


def open_network(spec: str) -> WeightsSource:
    """The first choice is there."""
    return Untrained(1) if spec == "imagenet" else Fallback(0)


@pytest.mark.tensorflow
def test_same_request_gives_the_same_trunk(tmp_path: Path) -> None:
    """A second start has the first one's fingerprint and vectors."""
    picture = np.full((1, 299, 299, 3), 90, np.uint8)
    first, second = load_trunk(tmp_path, RANDOM), load_trunk(tmp_path, RANDOM)
    first.trunk.warm_up()
    assert first.resolution == second.resolution
    assert first.trunk.identity == second.trunk.identity
    assert np.allclose(first.trunk(picture), second.trunk(picture))


@pytest.mark.tensorflow
def test_auto_says_why_and_keeps_its_choice(tmp_path: Path) -> None:
    """When the first choice is away, `auto` takes the second, says so, and stays with it when the network is back."""
    request = TrunkRequest("auto", "", "float32")
    first = load_trunk(tmp_path, request, sources=closed_network).resolution
    assert first.weights == "nsfwjs"
    assert first.identity.layer == "mixed7"
    assert "because the host is away" in first.reason
    later = load_trunk(tmp_path, request, sources=open_network).resolution
    assert later == first


@pytest.mark.tensorflow
def test_no_weights_at_all(tmp_path: Path) -> None:
    """When neither choice can be had, nothing is recorded and the error tells of both."""
    with pytest.raises(UnavailableError, match="the host is away; the host is away"):
        load_trunk(tmp_path, TrunkRequest("auto", "", "float32"), sources=lambda _: Unreachable())
    assert not (tmp_path / "weights" / "resolved.json").exists()


@pytest.mark.tensorflow
def test_changed_weights_are_refused(tmp_path: Path) -> None:
    """Weights with another SHA-256 than the recorded one stop the start."""
    load_trunk(tmp_path, RANDOM)
    with pytest.raises(FailedPreconditionError, match="Put the old weights back") as caught:
        load_trunk(tmp_path, RANDOM, sources=lambda _: Untrained(99))
    assert caught.value.reason == "WEIGHTS_CHANGED"


@pytest.mark.tensorflow
def test_recorded_precision_outlives_a_change_of_processor(tmp_path: Path) -> None:
    """What auto chose stays: float32 on a better processor, an error, not float32, where bfloat16 is missing."""
    request = TrunkRequest("random:0", "mixed0", "auto")
    plain, other = tmp_path / "plain", tmp_path / "other"
    assert load_trunk(plain, request, native_bfloat16=lambda: False).resolution.identity.precision == "float32"
    assert load_trunk(plain, request, native_bfloat16=lambda: True).resolution.identity.precision == "float32"
    assert load_trunk(other, request, native_bfloat16=lambda: True).resolution.identity.precision == "bfloat16"
    with pytest.raises(FailedPreconditionError) as caught:
        load_trunk(other, request, native_bfloat16=lambda: False)
    assert caught.value.reason == "PRECISION_UNSUPPORTED"


@pytest.mark.tensorflow
def test_the_engine_by_name_is_the_same_trunk(tmp_path: Path) -> None:
    """`auto`, nothing and the name lead to one fingerprint; pictures are decoded within the limits given."""
    found = [
        load_trunk(tmp_path, replace(RANDOM, engine=engine), limits=DecodeLimits(max_bytes=10))
        for engine in ("", "auto", "tensorflow")
    ]
    assert len({loaded.resolution.identity.fingerprint for loaded in found}) == 1
    assert found[0].resolution is not found[1].resolution
    assert found[0].resolution == found[1].resolution
    assert found[0].resolution.identity.engine == "tensorflow"
    with pytest.raises(InvalidArgumentError, match="more than the 10 allowed"):
        found[0].prepare(b"x" * 11, ())


@pytest.mark.tensorflow
def test_a_gpu_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for and missing it is an error, before anything is recorded; where the processor will do, that is told."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(FailedPreconditionError) as caught:
        load_trunk(tmp_path, RANDOM, device="gpu")
    assert caught.value.reason == "DEVICE_UNAVAILABLE"
    assert not (tmp_path / "weights" / "resolved.json").exists()
    loaded = load_trunk(tmp_path, RANDOM, device="gpu", cpu_fallback=True)
    assert loaded.cpu_fallback
    assert loaded.trunk.device == "CPU"
    assert not load_trunk(tmp_path, RANDOM, device="cpu", cpu_fallback=True).cpu_fallback


def test_requests_have_one_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files by their absolute path, defaults left out, a graph's tensors only with a graph."""
    monkeypatch.chdir(tmp_path)
    names = {"engine": "auto", "graph_input": "a:0", "graph_output": "b:0"}
    assert in_one_spelling(TrunkRequest("nsfwjs", **names)) == TrunkRequest("nsfwjs")
    assert in_one_spelling(TrunkRequest("my.h5")).weights == str(tmp_path / "my.h5")
    graph = in_one_spelling(TrunkRequest("my.pb", **names))
    assert graph == TrunkRequest(str(tmp_path / "my.pb"), graph_input="a:0", graph_output="b:0")
    assert in_one_spelling(TrunkRequest("my.pb")).graph_output == "pool_3/_reshape:0"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (TrunkRequest("random:0", precision="fp16"), "UNKNOWN_PRECISION"),
        (TrunkRequest("random:0", engine="torch"), "UNKNOWN_ENGINE"),
        (TrunkRequest("random:0", precision="int8", engine="jax"), "ENGINE_UNSUPPORTED"),
        (TrunkRequest("my.pb", engine="jax"), "ENGINE_UNSUPPORTED"),
        (TrunkRequest("my.pb", layer="mixed7"), "LAYER_UNSUPPORTED"),
    ],
)
def test_impossible_requests_are_refused(tmp_path: Path, request_: TrunkRequest, reason: str) -> None:
    """Before any engine is imported, and without a trace in the home."""
    with pytest.raises(InvalidArgumentError) as caught:
        load_trunk(tmp_path, request_)
    assert caught.value.reason == reason
    assert not list(tmp_path.iterdir())


@pytest.mark.tensorflow
def test_unknown_layer_is_not_recorded(tmp_path: Path) -> None:
    """A request that cannot be met leaves no record behind."""
    with pytest.raises(InvalidArgumentError, match="mixed7"):
        load_trunk(tmp_path, TrunkRequest("random:0", "mixed77", "float32"))
    assert not (tmp_path / "weights" / "resolved.json").exists()


@pytest.mark.tensorflow
def test_stop_ends_loading(tmp_path: Path) -> None:
    """A start that is told to stop ends with a cancellation."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        load_trunk(tmp_path, RANDOM, stop=stop, sources=source_of)

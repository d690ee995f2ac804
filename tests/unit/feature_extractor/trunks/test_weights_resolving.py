"""What weights a request means in a home: one meaning of `auto`, one SHA-256 for each name."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.weights.arrays import ArraySpec, weights_sha256
from feature_extractor.trunks.weights.record import Resolution, TrunkRequest
from feature_extractor.trunks.weights.resolving import resolve
from feature_extractor.trunks.weights.sources import Imagenet, WeightsFile
from feature_extractor.trunks.weights.storage import write_weights
from feature_extractor.trunks.weights.untrained import random_arrays
from graft.errors import DataLossError, FailedPreconditionError, GraftError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

SPECS = [ArraySpec("conv2d", "kernel", (1, 1, 3, 2))]
STOP = threading.Event()
AWAY = UnavailableError("the host is away", reason="WEIGHTS_UNREACHABLE")


def sha256(seed: int) -> str:
    """Of the weights drawn from a seed."""
    return weights_sha256(random_arrays(SPECS, seed))


def on_record(asked: str, weights: str, sha256_: str, quantised_from: str = "") -> Resolution:
    """A trunk of an earlier start, with a layer and a precision that nobody asks for below."""
    identity = TrunkIdentity(sha256_, "mixed3", "pil-antialias-299-v1", 299, "bfloat16", "tensorflow")
    return Resolution(TrunkRequest(asked, "mixed3", "bfloat16"), weights, identity, "because", quantised_from)


@dataclass(frozen=True)
class Fake:
    """A source that draws its weights from its name's length."""

    spec: str
    default_layer: str = "avg_pool"

    def arrays(self, *_: Any) -> Any:
        """Drawn."""
        return random_arrays(SPECS, len(self.spec))


@dataclass(frozen=True)
class Failing(Fake):
    """A source that cannot be had."""

    error: GraftError = AWAY

    def arrays(self, *_: Any) -> Any:
        """Fail."""
        raise self.error


def test_auto_keeps_its_meaning_for_other_layers_and_precisions(tmp_path: Path) -> None:
    """A home that began with the second choice stays with it although the first one can be had by now."""
    known = [on_record("imagenet", "imagenet", sha256(8)), on_record("auto", "nsfwjs", sha256(6))]
    source, _, reason = resolve("auto", tmp_path, SPECS, STOP, Fake, known)
    assert (source.spec, reason) == ("nsfwjs", "weights nsfwjs, what auto is in this home")
    assert resolve("auto", tmp_path, SPECS, STOP, Fake, known[:1])[0].spec == "imagenet"


def test_weights_are_compared_with_those_of_every_request(tmp_path: Path) -> None:
    """Also with those that an 8-bit trunk was made from; the latest counts."""
    known = [on_record("w", "w", sha256(99)), on_record("w", "w", "cd" * 32, quantised_from=sha256(1))]
    assert resolve("w", tmp_path, SPECS, STOP, Fake, known)[0].spec == "w"
    with pytest.raises(FailedPreconditionError) as caught:
        resolve("w", tmp_path, SPECS, STOP, Fake, known[:1])
    assert caught.value.reason == "WEIGHTS_CHANGED"


def test_a_kept_file_that_changed_is_refused_for_every_request(tmp_path: Path) -> None:
    """It is the home's own copy that is damaged, whatever layer is asked for."""
    write_weights(tmp_path / "imagenet.weights.h5", random_arrays(SPECS, 2), SPECS)
    with pytest.raises(DataLossError, match="delete the file"):
        resolve("imagenet", tmp_path, SPECS, STOP, lambda _: Imagenet(), [on_record("auto", "imagenet", sha256(1))])


def test_other_weights_than_those_on_record_are_not_kept(tmp_path: Path) -> None:
    """The next start would call them damaged."""
    source = Imagenet(fetch=lambda specs: random_arrays(specs, 2))
    with pytest.raises(FailedPreconditionError, match="Put the old weights back"):
        resolve("imagenet", tmp_path, SPECS, STOP, lambda _: source, [on_record("auto", "imagenet", sha256(1))])
    assert not list(tmp_path.iterdir())


def test_a_users_file_is_one_for_all_requests(tmp_path: Path) -> None:
    """Changed, it is refused; gone, its copy serves; a copy that was lost is made again from the same file."""
    own, home = tmp_path / "own.weights.h5", tmp_path / "home"
    known = [on_record(str(own), str(own), sha256(1))]

    def load() -> str:
        return weights_sha256(resolve(str(own), home, SPECS, STOP, lambda _: WeightsFile(own), known)[1])

    write_weights(own, random_arrays(SPECS, 2), SPECS)
    with pytest.raises(FailedPreconditionError, match="Put the old weights back"):
        load()
    assert not home.exists()
    write_weights(own, random_arrays(SPECS, 1), SPECS)
    load()
    own.unlink()
    assert load() == sha256(1)
    (kept,) = home.iterdir()
    write_weights(kept, random_arrays(SPECS, 2), SPECS)
    with pytest.raises(DataLossError, match=r"or put .*own\.weights\.h5 back"):
        load()
    kept.unlink()
    with pytest.raises(FailedPreconditionError, match=r"no weights file .*own\.weights\.h5"):
        load()


@pytest.mark.parametrize("reason", ["NPM_MISSING", "WEIGHTS_UNREACHABLE"])
def test_why_neither_choice_of_auto_can_be_had(tmp_path: Path, reason: str) -> None:
    """Both reasons are told, also where the second choice lacks its tool."""
    second = FailedPreconditionError("npm is missing", reason=reason)
    with pytest.raises(UnavailableError, match="the host is away; npm is missing") as caught:
        resolve(
            "auto", tmp_path, SPECS, STOP, lambda s: Failing(s) if s == "imagenet" else Failing(s, error=second), []
        )
    assert caught.value.reason == "WEIGHTS_UNREACHABLE"


def test_another_fault_of_the_second_choice_is_its_own(tmp_path: Path) -> None:
    """Weights that do not fit are no matter of reach."""
    second = FailedPreconditionError("does not fit", reason="WEIGHTS_MISMATCH")
    with pytest.raises(FailedPreconditionError, match="does not fit"):
        resolve(
            "auto", tmp_path, SPECS, STOP, lambda s: Failing(s) if s == "imagenet" else Failing(s, error=second), []
        )

"""Methods on the same folds: drawn pictures, and a fit that needs no TensorFlow."""

from __future__ import annotations

import hashlib
import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_info, threadpool_limits

from graft.errors import CancelledError, FailedPreconditionError, InvalidArgumentError
from trainer.catalog.examples import NewExample
from trainer.comparison import methods
from trainer.comparison.comparing import Comparing
from trainer.comparison.folds import Fold, stratified_folds
from trainer.comparison.hand_made import gradients, pixels
from trainer.fitting.fit import FittedHead
from trainer.jobs.progress import Phase, Progress
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.fitting.batches import FloatArray, RowArray
    from trainer.fitting.fit import TrainingData
    from trainer.recipes import Recipe

STRIPES = ("across", "down")
PICTURES = 40


def stripes(number: int) -> bytes:
    """A JPEG of stripes across (even numbers) or down (odd ones), their colour and phase drawn at random."""
    rng = np.random.default_rng(number)
    wave = (np.sin((np.arange(64) + rng.uniform(0, 8)) * 2 * np.pi / 8) > 0)[:, np.newaxis, np.newaxis]
    image = np.where(wave, rng.integers(0, 255, 3), rng.integers(0, 255, 3)).astype(np.uint8)
    image = np.broadcast_to(image, (64, 64, 3))
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image if number % 2 == 0 else image.transpose(1, 0, 2))).save(out, "JPEG")
    return out.getvalue()


class Source:
    """Drawn pictures by digest; vectors of noise around one of two places; any picture may have lost its preview."""

    def __init__(self) -> None:
        self.pictures = {hashlib.sha256(stripes(number)).digest(): number for number in range(PICTURES)}
        self.lost: set[bytes] = set()

    def fingerprint(self) -> bytes:
        """Always the same."""
        return b"f" * 16

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[FloatArray, list[bytes]]:
        """Return a vector for each."""
        assert (view, view_seed) == (0, 0)
        numbers = [self.pictures[digest] for digest in digests]
        noise = np.stack([np.random.default_rng(number).normal(0, 1, 16) for number in numbers])
        noise[:, 0] = [3 * (number % 2) for number in numbers]
        return noise.astype(np.float32), []

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the pictures themselves."""
        return [b"" if digest in self.lost else stripes(self.pictures[digest]) for digest in digests]


def first_value(
    recipe: Recipe, data: TrainingData, on_progress: Callable[[Progress], None], cancelled: Callable[[], bool]
) -> FittedHead:
    """Fit nothing: class 1 where the first value is above 1.5, and never for recipe `seed`."""
    assert not cancelled()
    on_progress(Progress(Phase.FITTING, 1, 1))
    weight = np.zeros((16, 2), np.float32)
    weight[0, 1] = 1.0
    bias = np.array([1.5 if recipe.kind != "seed" else 100.0, 0.0], np.float32)
    assert not set(data.training) & set(data.validation)
    network = heads.Network(np.zeros(16, np.float32), np.ones(16, np.float32), (heads.Layer(weight, bias, "linear"),))
    return FittedHead(network, 1, 1, "done", ())


@pytest.fixture
def source(datasets: DatasetStore, examples: ExampleStore) -> Source:
    """Fill a dataset `stripes` with 40 pictures of two classes."""
    source = Source()
    datasets.create("stripes")
    named = [NewExample(digest, STRIPES[number % 2], f"{number}.jpg") for digest, number in source.pictures.items()]
    examples.add("stripes", named)
    return source


@pytest.fixture
def comparing(examples: ExampleStore, source: Source) -> Comparing:
    """Return what compares, with a clock that goes a second on at each look."""
    ticks = itertools.count()
    return Comparing(examples, source, first_value, lambda: float(next(ticks)))


class Counting:
    """A model that looks how many threads it is given."""

    threads: list[int]

    def fit(self, features: FloatArray, labels: RowArray) -> Counting:
        """Look."""
        assert len(features) == len(labels)
        type(self).threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        return self

    def predict(self, features: FloatArray) -> RowArray:
        """Say one thing."""
        return np.zeros(len(features), np.int32)


def test_models_of_scikit_learn_have_one_thread() -> None:
    """Small products on several threads only wait for each other, above all on a busy machine."""
    method = methods.HandMade("one", "says one thing", pixels, Counting)
    rows = np.arange(6, dtype=np.int32)
    fold = Fold(rows[:3], rows[3:4], rows[4:])
    with threadpool_limits(2):  # a machine of one core has no more otherwise
        right = methods.test_hand_made(method, np.zeros((6, 2), np.float32), np.repeat(np.arange(2), 3), fold)
    assert right.tolist() == [False, False]
    assert Counting.threads
    assert set(Counting.threads) == {1}


def test_every_method_is_tested_on_every_picture(comparing: Comparing) -> None:
    """Gradients tell stripes apart and a head that always says one thing is right by half."""
    told: list[Progress] = []
    compared = comparing.compare("stripes", ["mlp", "hog", "seed", "pixels"], 4, 7, told.append)
    assert [each.name for each in compared.methods] == ["pixels", "hog", "seed", "mlp"]
    found = {each.name: each for each in compared.methods}
    assert (compared.pictures, compared.labels, compared.folds) == (PICTURES, 2, 4)
    assert found["hog"].accuracy == 1.0
    assert found["mlp"].accuracy == 1.0
    assert found["seed"].accuracy == 0.5
    assert found["pixels"].low <= found["pixels"].accuracy <= found["pixels"].high
    assert all(len(each.accuracies) == 4 for each in compared.methods)
    assert found["hog"].feature_seconds > 0
    assert found["mlp"].feature_seconds == 0
    assert max(each.step for each in told if each.phase is Phase.FITTING) == 15
    assert {each.steps for each in told if each.phase is Phase.FITTING} == {16}


def test_folds_are_disjoint_stratified_and_keep_groups_together() -> None:
    """Each row is tested once; a group is never cut; each class is in each test part."""
    labels = np.arange(60, dtype=np.int32) % 3
    groups = np.arange(60, dtype=np.int32)
    groups[3] = groups[6] = groups[0]
    folds = list(stratified_folds(labels, groups, 5, seed=1))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(60))
    for fold in folds:
        parts = [set(fold.training), set(fold.validation), set(fold.test)]
        assert set.union(*parts) == set(range(60))
        assert sum(map(len, parts)) == 60
        assert {0, 3, 6} <= parts[2] or not {0, 3, 6} & parts[2]
        for part in parts:
            assert set(labels[list(part)]) == {0, 1, 2}
    assert all(
        np.array_equal(one.test, other.test)
        for one, other in zip(folds, stratified_folds(labels, groups, 5, seed=1), strict=True)
    )


def test_hand_made_features_have_their_shapes() -> None:
    """Both take a preview of any size."""
    assert pixels(stripes(0)).shape == (3072,)
    assert pixels(stripes(0)).max() <= 1
    assert gradients(stripes(1)).shape == (8100,)


def test_a_preview_that_is_gone_is_named(comparing: Comparing, source: Source) -> None:
    """Only methods that need previews miss them."""
    source.lost = {min(source.pictures)}
    with pytest.raises(FailedPreconditionError, match=min(source.pictures).hex()) as caught:
        comparing.compare("stripes", ["hog"], 2, 0, lambda _: None)
    assert caught.value.reason == "PREVIEWS_MISSING"
    assert comparing.compare("stripes", ["mlp"], 2, 0, lambda _: None).methods[0].accuracy == 1.0


def test_a_class_with_fewer_pictures_than_folds_is_named(
    comparing: Comparing, examples: ExampleStore, source: Source
) -> None:
    """Nothing is computed."""
    extra = hashlib.sha256(b"lonely").digest()
    source.pictures[extra] = 0
    examples.add("stripes", [NewExample(extra, "lonely", "l.jpg")])
    with pytest.raises(FailedPreconditionError) as caught:
        comparing.compare("stripes", [], 2, 0, lambda _: None)
    assert caught.value.reason in {"TOO_FEW_PICTURES", "DATASET_NOT_TRAINABLE"}
    assert any("lonely" in each.subject for each in caught.value.violations)


@pytest.mark.parametrize(
    ("asked", "folds", "reason"), [(["svm"], 5, "UNKNOWN_METHOD"), ([], 1, "INVALID_FOLDS"), ([], 21, "INVALID_FOLDS")]
)
def test_what_is_not_offered_is_refused(comparing: Comparing, asked: list[str], folds: int, reason: str) -> None:
    """By reason, with the field."""
    with pytest.raises(InvalidArgumentError) as caught:
        comparing.compare("stripes", asked, folds, 0, lambda _: None)
    assert caught.value.reason == reason
    assert caught.value.violations


def test_a_library_that_is_not_there_is_named(comparing: Comparing, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setattr(methods, "find_spec", lambda name: None if name == "skimage" else name)
    with pytest.raises(FailedPreconditionError, match=r"scikit-image .*graft\[compare\]") as caught:
        comparing.compare("stripes", [], 2, 0, lambda _: None)
    assert caught.value.reason == "EXTRA_MISSING"


def test_a_report_that_raises_ends_it(comparing: Comparing) -> None:
    """So a caller that went away costs no more than one picture's features."""
    told: list[Any] = []

    def report(progress: Progress) -> None:
        told.append(progress)
        if progress.phase is Phase.FITTING:
            raise CancelledError("gone")

    with pytest.raises(CancelledError):
        comparing.compare("stripes", [], 2, 0, report)
    assert told[-1].step == 0

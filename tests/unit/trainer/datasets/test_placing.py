"""Placing datasets: copies on one side, whatever the order, the company, and what breaks in between."""

from __future__ import annotations

import hashlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import FailedPreconditionError, UnavailableError
from trainer.catalog.examples import NewExample
from trainer.catalog.parts import PartStore
from trainer.datasets import placing
from trainer.datasets.placed_examples import PlacedExamples
from trainer.datasets.placing import Placer
from trainer.datasets.placing_thumbnails import Thumbnails
from trainer.datasets.split import part_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from trainer.catalog.connection import Catalog
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.datasets.split import Part

ORIGINALS, COPIES = 120, 60


class FakeFeatures:
    """Vectors of made-up pictures: `n` is an original, `n/copy` its copy, a little off."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        spread = rng.uniform(0.2, 3, size=16)
        self.vectors: dict[bytes, NDArray[np.float32]] = {}
        for number in range(ORIGINALS):
            vector = 5 + rng.normal(size=16) * spread
            self.vectors[digest_of(str(number))] = vector.astype(np.float32)
            copy = vector + rng.normal(size=16) * spread * 0.05
            self.vectors[digest_of(f"{number}/copy")] = copy.astype(np.float32)
        self.prints = [b"1" * 16]
        self.lookups = 0
        self.away = False

    def fingerprint(self) -> bytes:
        """Return the first fingerprint, which goes if there is another."""
        return self.prints.pop(0) if len(self.prints) > 1 else self.prints[0]

    def lookup(
        self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0
    ) -> tuple[NDArray[np.float32], list[bytes]]:
        """Return those it has."""
        assert (view, view_seed) == (0, 0)
        if self.away:
            raise UnavailableError("away", reason="EXTRACTOR_UNAVAILABLE")
        self.lookups += 1
        found = [self.vectors[each] for each in digests if each in self.vectors]
        return np.array(found, np.float32).reshape(-1, 16), [each for each in digests if each not in self.vectors]


def digest_of(name: str) -> bytes:
    """Return the digest of a made-up picture."""
    return hashlib.sha256(name.encode()).digest()


NAMES = [str(n) for n in range(ORIGINALS)] + [f"{n}/copy" for n in range(COPIES)]


@pytest.fixture
def features() -> FakeFeatures:
    """Return the vectors of all pictures."""
    return FakeFeatures()


@pytest.fixture
def placer(catalog: Catalog, features: FakeFeatures) -> Placer:
    """Return what places the pictures of the catalog."""
    return Placer(PartStore(catalog), features, Thumbnails(lambda digests: [b""] * len(digests)))


def add(examples: ExampleStore, dataset: str, names: Sequence[str]) -> None:
    """Add pictures under one of two labels."""
    examples.add(dataset, [NewExample(digest_of(each), f"label {int(each.split('/')[0]) % 2}", each) for each in names])


def parts_of(examples: ExampleStore, dataset: str) -> dict[str, Part]:
    """Return the part of each picture by its name."""
    return {each.source_name: each.part for each in examples.all_examples(dataset)}


def crossing(parts: dict[str, Part]) -> list[str]:
    """Return the copies that are on another side than their originals."""
    return [each for each in parts if each.endswith("/copy") and parts[each] is not parts[each.split("/")[0]]]


def test_copies_stay_together_in_any_order(datasets: DatasetStore, examples: ExampleStore, placer: Placer) -> None:
    """In one import no copy crosses the split, and the order of the pictures does not matter; by digest many would."""
    placed = []
    for seed in range(3):
        name = f"set{seed}"
        datasets.create(name)
        order = list(NAMES)
        random.Random(seed).shuffle(order)  # noqa: S311 - a test's order
        add(examples, name, order)
        assert len(crossing(parts_of(examples, name))) > 10
        assert placer.place_after_import(name) == len(NAMES)
        placed.append(parts_of(examples, name))
    assert not crossing(placed[0])
    assert placed[0] == placed[1] == placed[2]


def test_newcomers_follow_and_nobody_moves(datasets: DatasetStore, examples: ExampleStore, placer: Placer) -> None:
    """Copies that come later follow their originals, or originals their copies; those that were placed stay."""
    datasets.create("set")
    first = [each for each in NAMES if each.endswith("/copy")] + [str(n) for n in range(COPIES, ORIGINALS)]
    add(examples, "set", first)
    placer.place("set")
    before = parts_of(examples, "set")
    add(examples, "set", NAMES)
    assert placer.place("set") == COPIES
    after = parts_of(examples, "set")
    assert {each: after[each] for each in before} == before
    assert not crossing(after)


def test_nothing_new_costs_nothing(
    datasets: DatasetStore, examples: ExampleStore, placer: Placer, features: FakeFeatures
) -> None:
    """Where all are placed no vector is asked for."""
    datasets.create("set")
    add(examples, "set", NAMES)
    placer.place("set")
    asked = features.lookups
    add(examples, "set", NAMES)
    assert placer.place("set") == 0
    assert features.lookups == asked


def test_two_imports_at_once_miss_nothing(datasets: DatasetStore, examples: ExampleStore, placer: Placer) -> None:
    """Originals and copies from two threads, each placing at its end, are on one side."""
    datasets.create("set")
    barrier = threading.Barrier(2)

    def work(names: list[str]) -> None:
        barrier.wait()
        for start in range(0, len(names), 8):
            add(examples, "set", names[start : start + 8])
        placer.place("set")

    halves = [NAMES[:ORIGINALS], NAMES[ORIGINALS:]]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, halves))
    assert not crossing(parts_of(examples, "set"))


def test_an_import_that_broke_is_placed_before_anybody_trains(
    catalog: Catalog, datasets: DatasetStore, examples: ExampleStore, placer: Placer, features: FakeFeatures
) -> None:
    """With the extractor away nothing is placed and the error says so; whoever trains has them placed first."""
    datasets.create("set")
    add(examples, "set", NAMES)
    features.away = True
    with pytest.raises(UnavailableError):
        placer.place_after_import("set")
    placed = PlacedExamples(catalog, placer)
    with pytest.raises(UnavailableError):
        placed.all_examples("set")
    features.away = False
    assert not crossing({each.source_name: each.part for each in placed.all_examples("set")})
    assert PartStore(catalog).counts("set") == (0, len(NAMES))
    assert placed.counts("set") == examples.counts("set")


def test_pictures_without_a_vector_wait(
    catalog: Catalog, datasets: DatasetStore, examples: ExampleStore, placer: Placer, features: FakeFeatures
) -> None:
    """They stay unplaced until they have one, then follow; a placed one without is passed over."""
    datasets.create("set")
    lost = {digest_of(f"{n}/copy"): features.vectors.pop(digest_of(f"{n}/copy")) for n in range(COPIES)}
    add(examples, "set", NAMES)
    assert placer.place("set") == ORIGINALS
    assert PartStore(catalog).counts("set") == (COPIES, len(NAMES))
    features.vectors |= lost
    for n in range(COPIES, ORIGINALS):
        del features.vectors[digest_of(str(n))]
    assert placer.place("set") == COPIES
    assert not crossing(parts_of(examples, "set"))


@pytest.mark.parametrize("known", [0, 1, 2])
def test_of_too_few_pictures_the_digest_decides(
    datasets: DatasetStore, examples: ExampleStore, placer: Placer, known: int
) -> None:
    """Nothing says what sets two pictures apart; each is placed all the same."""
    datasets.create("set")
    add(examples, "set", NAMES[:known])
    assert placer.place("set") == known
    assert parts_of(examples, "set") == {each: part_of(digest_of(each)) for each in NAMES[:known]}


def test_another_trunk_in_the_middle_places_nothing(
    catalog: Catalog, datasets: DatasetStore, examples: ExampleStore, placer: Placer, features: FakeFeatures
) -> None:
    """Vectors of two trunks are not compared."""
    datasets.create("set")
    add(examples, "set", NAMES)
    features.prints = [b"1" * 16, b"2" * 16]
    with pytest.raises(FailedPreconditionError) as caught:
        placer.place("set")
    assert caught.value.reason == "FINGERPRINT_CHANGED"
    assert PartStore(catalog).counts("set")[0] == len(NAMES)


def test_a_few_newcomers_of_a_large_dataset_wait(
    datasets: DatasetStore,
    examples: ExampleStore,
    placer: Placer,
    features: FakeFeatures,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After an import they are placed only if they are many, beside the others; before training in any case."""
    monkeypatch.setattr(placing, "FEW_EXAMPLES", 50)
    datasets.create("set")
    add(examples, "set", NAMES[:ORIGINALS])
    assert placer.place_after_import("set") == ORIGINALS
    add(examples, "set", NAMES[: ORIGINALS + 3])
    asked = features.lookups
    assert placer.place_after_import("set") == 0
    assert features.lookups == asked
    assert placer.place("set") == 3
    assert not crossing(parts_of(examples, "set"))


def test_large_datasets_are_fitted_to_a_sample(
    datasets: DatasetStore, examples: ExampleStore, placer: Placer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies stay together as well where the space knows only some of the pictures, and they come in several looks."""
    monkeypatch.setattr(placing, "FIT_ROWS", 60)
    monkeypatch.setattr(placing, "_LOOKUP_DIGESTS", 50)
    datasets.create("set")
    add(examples, "set", NAMES)
    assert placer.place("set") == len(NAMES)
    assert not crossing(parts_of(examples, "set"))

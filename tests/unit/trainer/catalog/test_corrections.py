"""Corrections to labels: what they change, count and leave."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from graft.errors import InvalidArgumentError, NotFoundError
from trainer.catalog.corrections import Corrected, CorrectionStore, Relabelling
from trainer.catalog.examples import NewExample

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.datasets.split import Part

A, B, C = (hashlib.sha256(name).digest() for name in (b"a", b"b", b"c"))


@pytest.fixture
def corrections(catalog: Catalog) -> CorrectionStore:
    """Return the corrections of the catalog."""
    return CorrectionStore(catalog)


@pytest.fixture
def pets(datasets: DatasetStore, examples: ExampleStore) -> str:
    """Return a dataset: A is a cat, B is a cat and a dog, C is a dog."""
    datasets.create("pets")
    pairs = [(A, "cat"), (B, "cat"), (B, "dog"), (C, "dog")]
    examples.add("pets", [NewExample(digest, label, f"{label}.jpg") for digest, label in pairs])
    return "pets"


def _labels(examples: ExampleStore, dataset: str) -> dict[bytes, list[str]]:
    every = examples.all_examples(dataset)
    return {digest: [each.label for each in every if each.digest == digest] for digest in {e.digest for e in every}}


def _parts(examples: ExampleStore, dataset: str) -> dict[bytes, Part]:
    return {each.digest: each.part for each in examples.all_examples(dataset)}


def test_pictures_are_relabelled_once(corrections: CorrectionStore, examples: ExampleStore, pets: str) -> None:
    """All examples of a picture become one of the new label; doing it again changes nothing; parts stay."""
    before = _parts(examples, pets)
    wanted = [Relabelling(A, "cow"), Relabelling(B, "cow"), Relabelling(b"?" * 32, "cow")]
    assert corrections.relabel(pets, wanted) == Corrected(relabelled=2, merged=1, absent=1)
    assert _labels(examples, pets) == {A: ["cow"], B: ["cow"], C: ["dog"]}
    assert corrections.relabel(pets, wanted) == Corrected(relabelled=0, merged=0, absent=1)
    assert _parts(examples, pets) == before


def test_one_of_several_labels_is_changed(corrections: CorrectionStore, examples: ExampleStore, pets: str) -> None:
    """With the old label given the others stay; where the new one is there already, the old one goes."""
    wanted = [Relabelling(B, "cow", "dog"), Relabelling(C, "cow", "cat")]
    assert corrections.relabel(pets, wanted) == Corrected(relabelled=1, merged=0, absent=1)
    assert _labels(examples, pets) == {A: ["cat"], B: ["cat", "cow"], C: ["dog"]}
    assert corrections.relabel(pets, wanted[:1]) == Corrected(0, 0, 0)
    assert corrections.relabel(pets, [Relabelling(B, "cat", "cow")]) == Corrected(0, 1, 0)
    assert _labels(examples, pets)[B] == ["cat"]


def test_labels_are_merged_and_renamed(corrections: CorrectionStore, examples: ExampleStore, pets: str) -> None:
    """Several labels become one, that may be among them; a picture that had both is one example."""
    assert corrections.merge_labels(pets, ["dog", "cat", "cat", "emu"], "cat") == Corrected(1, 1, 1)
    assert _labels(examples, pets) == {A: ["cat"], B: ["cat"], C: ["cat"]}
    assert corrections.merge_labels(pets, ["cat"], "pet") == Corrected(3, 0, 0)
    assert corrections.merge_labels(pets, ["cat"], "pet") == Corrected(0, 0, 1)
    assert {each.source_name for each in examples.all_examples(pets)} == {"cat.jpg", "dog.jpg"}


def test_labels_are_removed(corrections: CorrectionStore, examples: ExampleStore, pets: str) -> None:
    """All examples of a label go, and only those."""
    assert corrections.remove_labels(pets, ["dog", "emu"]) == 2
    assert _labels(examples, pets) == {A: ["cat"], B: ["cat"]}
    assert corrections.remove_labels(pets, ["dog"]) == 0


def test_wrong_corrections_change_nothing(corrections: CorrectionStore, examples: ExampleStore, pets: str) -> None:
    """A wrong label or digest names itself and undoes the whole call; so does an unknown dataset."""
    before = examples.all_examples(pets)
    with pytest.raises(InvalidArgumentError) as caught:
        corrections.relabel(pets, [Relabelling(A, "cow"), Relabelling(B, "")])
    assert (caught.value.reason, caught.value.violations[0].subject) == ("INVALID_LABEL", "items[1].label")
    with pytest.raises(InvalidArgumentError, match="32 bytes"):
        corrections.relabel(pets, [Relabelling(A, "cow"), Relabelling(b"short", "cow")])
    with pytest.raises(InvalidArgumentError) as caught:
        corrections.merge_labels(pets, [], "cow")
    assert caught.value.reason == "LABELS_REQUIRED"
    with pytest.raises(InvalidArgumentError):
        corrections.merge_labels(pets, ["cat"], "\n")
    with pytest.raises(NotFoundError):
        corrections.merge_labels("ghost", ["cat"], "cow")
    assert examples.all_examples(pets) == before

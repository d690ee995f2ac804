"""The parts that pictures are added in, are placed in, and come back to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from trainer.catalog.corrections import CorrectionStore
from trainer.catalog.examples import AddOutcome, NewExample
from trainer.catalog.parts import PartStore
from trainer.datasets.split import Part, part_of

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore

HELD_OUT = (Part.VALIDATION, Part.TEST)


def _digest_in(part: Part, number: int = 0) -> bytes:
    """Return the digest of a picture that its digest alone places in a part."""
    every = (hashlib.sha256(b"%d" % n).digest() for n in range(1000))
    return [each for each in every if part_of(each) is part][number]


@pytest.fixture
def pets(datasets: DatasetStore) -> str:
    """Return the name of an empty dataset."""
    datasets.create("pets")
    return "pets"


@pytest.fixture
def parts(catalog: Catalog) -> PartStore:
    """Return the parts of the catalog."""
    return PartStore(catalog)


def _part(examples: ExampleStore, dataset: str, digest: bytes) -> Part:
    (part,) = {each.part for each in examples.all_examples(dataset) if each.digest == digest}
    return part


def test_a_new_picture_is_in_the_part_of_its_digest_until_it_is_placed(
    examples: ExampleStore, parts: PartStore, pets: str
) -> None:
    """Placing may change the part once, under all labels; a picture that is placed already is passed over."""
    digest, other = _digest_in(Part.TRAINING), _digest_in(Part.TEST)
    examples.add(pets, [NewExample(digest, "cat", ""), NewExample(digest, "dog", ""), NewExample(other, "cat", "")])
    assert parts.counts(pets) == (2, 3)
    found = {each.digest: each for each in parts.placements(pets)}
    assert (found[digest].part, found[digest].labels, found[digest].unplaced) == (Part.TRAINING, ("cat", "dog"), True)
    parts.place(pets, {digest: Part.TEST, b"?" * 32: Part.TEST})
    assert parts.counts(pets) == (1, 3)
    parts.place(pets, {digest: Part.VALIDATION})
    assert _part(examples, pets, digest) is Part.TEST


def test_a_placed_picture_never_moves(examples: ExampleStore, parts: PartStore, pets: str) -> None:
    """Under a new label it is where it was; a wish for another part is refused and adds nothing."""
    digest = _digest_in(Part.TRAINING)
    examples.add(pets, [NewExample(digest, "cat", "")])
    parts.place(pets, {digest: Part.TRAINING})
    wishes = [
        NewExample(digest, "dog", ""),
        NewExample(digest, "cat", "", (Part.TEST,)),
        NewExample(digest, "cow", "", HELD_OUT),
        NewExample(digest, "cat", "", (Part.TRAINING,)),
    ]
    assert examples.add(pets, wishes) == [
        AddOutcome.ADDED,
        AddOutcome.PLACED_ELSEWHERE,
        AddOutcome.PLACED_ELSEWHERE,
        AddOutcome.UNCHANGED,
    ]
    assert _part(examples, pets, digest) is Part.TRAINING
    assert {each.label for each in examples.all_examples(pets)} == {"cat", "dog"}


def test_one_allowed_part_is_for_good_and_several_wait(examples: ExampleStore, parts: PartStore, pets: str) -> None:
    """The caller's own part goes before the digest's; what is allowed is remembered until the picture is placed."""
    own, wide = _digest_in(Part.TRAINING), _digest_in(Part.TRAINING, 1)
    examples.add(pets, [NewExample(own, "cat", "", (Part.VALIDATION,)), NewExample(wide, "cat", "", HELD_OUT)])
    assert _part(examples, pets, own) is Part.VALIDATION
    assert _part(examples, pets, wide) is part_of(wide, HELD_OUT)
    assert {each.digest: (each.unplaced, each.allowed) for each in parts.placements(pets)} == {
        own: (False, ()),
        wide: (True, HELD_OUT),
    }


def test_a_wish_moves_what_is_not_placed_yet(examples: ExampleStore, parts: PartStore, pets: str) -> None:
    """Imported without a wish, then with one before it was placed: the wish counts, and one part is for good."""
    digest = _digest_in(Part.TRAINING)
    examples.add(pets, [NewExample(digest, "cat", "")])
    assert examples.add(pets, [NewExample(digest, "cat", "", (Part.TEST,))]) == [AddOutcome.UNCHANGED]
    assert _part(examples, pets, digest) is Part.TEST
    assert parts.counts(pets) == (0, 1)


def test_a_removed_picture_comes_back_to_its_part_unless_another_is_wished(
    examples: ExampleStore, parts: PartStore, pets: str
) -> None:
    """The part is remembered and is for good at once; a single wished part counts, and is what is remembered then."""
    digest = _digest_in(Part.TRAINING)
    examples.add(pets, [NewExample(digest, "cat", "")])
    parts.place(pets, {digest: Part.TEST})
    for wish, expected in (
        ((), Part.TEST),
        ((Part.VALIDATION,), Part.VALIDATION),
        ((), Part.VALIDATION),
        ((Part.TRAINING,), Part.TRAINING),
        ((), Part.TRAINING),
    ):
        assert examples.remove_digests(pets, [digest]) == 1
        assert examples.add(pets, [NewExample(digest, "cat", "", wish)]) == [AddOutcome.ADDED]
        assert _part(examples, pets, digest) is expected
        assert parts.counts(pets) == (0, 1)


def test_a_picture_that_was_never_placed_is_forgotten(
    catalog: Catalog, examples: ExampleStore, parts: PartStore, pets: str
) -> None:
    """Removed by digest or by label before it was placed, it is as new as any; with a label left it is still there."""
    digest = _digest_in(Part.TRAINING)
    examples.add(pets, [NewExample(digest, "cat", ""), NewExample(digest, "dog", "")])
    CorrectionStore(catalog).remove_labels(pets, ["dog"])
    assert parts.counts(pets) == (1, 1)
    CorrectionStore(catalog).remove_labels(pets, ["cat"])
    assert parts.counts(pets) == (0, 0)
    examples.add(pets, [NewExample(digest, "cat", "")])
    assert parts.counts(pets) == (1, 1)


def test_parts_are_remembered_for_each_dataset_and_go_with_it(
    datasets: DatasetStore, examples: ExampleStore, parts: PartStore, pets: str
) -> None:
    """A new dataset of the old name knows nothing of the old one's pictures."""
    digest, other = _digest_in(Part.TRAINING), _digest_in(Part.TRAINING, 1)
    examples.add(pets, [NewExample(digest, "cat", "", (Part.TEST,)), NewExample(other, "cat", "")])
    examples.remove_digests(pets, [digest])
    datasets.delete(pets)
    datasets.create(pets)
    examples.add(pets, [NewExample(digest, "cat", "")])
    assert _part(examples, pets, digest) is Part.TRAINING
    assert parts.counts(pets) == (1, 1)


def test_the_digest_of_a_dataset_knows_no_order_and_no_sources(
    datasets: DatasetStore, examples: ExampleStore, faces: str
) -> None:
    """The same examples in another order from other files have the same digest; another part has another."""
    datasets.create("copy")
    every = examples.all_examples(faces)
    examples.add("copy", [NewExample(each.digest, each.label, "", (each.part,)) for each in reversed(every)])
    assert examples.sha256("copy") == examples.sha256(faces)
    examples.remove_digests("copy", [every[0].digest])
    other = next(part for part in Part if part is not every[0].part)
    examples.add("copy", [NewExample(every[0].digest, every[0].label, "", (other,))])
    assert examples.sha256("copy") != examples.sha256(faces)

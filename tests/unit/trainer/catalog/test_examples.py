"""Examples: identity, idempotence, parts, paging."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from graft.errors import InvalidArgumentError, NotFoundError
from trainer.catalog.examples import AddOutcome, NewExample, check_digests
from trainer.datasets.split import Part, part_of

if TYPE_CHECKING:
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import Example, ExampleStore

_DIGEST = hashlib.sha256(b"a picture").digest()


def test_importing_twice_changes_nothing(examples: ExampleStore, faces: str) -> None:
    """The same examples again are all unchanged, also from renamed files."""
    before = examples.all_examples(faces)
    again = [NewExample(each.digest, each.label, f"moved/{each.source_name}") for each in before]
    assert set(examples.add(faces, again)) == {AddOutcome.UNCHANGED}
    assert examples.all_examples(faces) == before


def test_doubles_in_one_import_are_told_apart(datasets: DatasetStore, examples: ExampleStore) -> None:
    """A picture that comes twice in one call is added once."""
    datasets.create("set")
    twice = [NewExample(_DIGEST, "a", "one"), NewExample(_DIGEST, "a", "two")]
    assert examples.add("set", twice) == [AddOutcome.ADDED, AddOutcome.UNCHANGED]
    assert [each.source_name for each in examples.all_examples("set")] == ["one"]


def test_two_labels_share_a_part(examples: ExampleStore, faces: str) -> None:
    """One picture under two labels is two examples on the same side of the split."""
    for each in examples.all_examples(faces):
        examples.add(faces, [NewExample(each.digest, "other", "")])
    parts: dict[bytes, set[Part]] = {}
    for each in examples.all_examples(faces):
        parts.setdefault(each.digest, set()).add(each.part)
    assert len(parts) == 80
    assert all(len(sides) == 1 for sides in parts.values())


def test_removed_pictures_come_back_to_their_part(examples: ExampleStore, faces: str) -> None:
    """A picture that is removed and imported again lands where it was."""
    before = {each.digest: each.part for each in examples.all_examples(faces)}
    new = [NewExample(each.digest, each.label, "") for each in examples.all_examples(faces)]
    assert examples.remove_digests(faces, before) == 80
    examples.add(faces, new[::-1])
    assert {each.digest: each.part for each in examples.all_examples(faces)} == before
    assert all(part_of(digest) is part for digest, part in before.items())


def test_remove_counts_every_label_and_passes_over_the_unknown(examples: ExampleStore, faces: str) -> None:
    """Removing takes a digest's examples under all labels; a digest that is not there does not count."""
    known = examples.all_examples(faces)[0].digest
    examples.add(faces, [NewExample(known, "other", "")])
    assert examples.remove_digests(faces, [known, _DIGEST]) == 2


@pytest.mark.parametrize("label", ["", "  ", "a\nb", "a\x00", "x" * 201])
def test_bad_labels_add_nothing(datasets: DatasetStore, examples: ExampleStore, label: str) -> None:
    """A wrong label refuses the whole call, naming the item."""
    datasets.create("set")
    with pytest.raises(InvalidArgumentError) as caught:
        examples.add("set", [NewExample(_DIGEST, "fine", ""), NewExample(_DIGEST, label, "")])
    assert caught.value.reason == "INVALID_LABEL"
    assert caught.value.violations[0].subject == "examples[1].label"
    assert examples.all_examples("set") == []


@pytest.mark.parametrize("label", ["x" * 200, "čeněk", "猫", "a/b", "'; DROP TABLE examples; --"])
def test_labels_are_kept_as_they_are(datasets: DatasetStore, examples: ExampleStore, label: str) -> None:
    """Any other Unicode comes back unchanged."""
    datasets.create("set")
    examples.add("set", [NewExample(_DIGEST, label, "")])
    assert [each.label for each in examples.all_examples("set")] == [label]


def test_short_digests_are_refused() -> None:
    """A digest that is not 32 bytes long is named."""
    with pytest.raises(InvalidArgumentError) as caught:
        check_digests([_DIGEST, b"short"])
    assert caught.value.reason == "INVALID_DIGEST"
    assert caught.value.violations[0].subject == "digests[1]"


def test_pages_hold_every_example_once(examples: ExampleStore, faces: str) -> None:
    """Following the tokens visits every example once, by label, then digest, also of one label or part."""
    for label, part in (("", None), ("anna", None), ("", Part.TRAINING)):
        seen: list[Example] = []
        token = ""
        while True:
            page = examples.list_page(faces, label=label, part=part, page_size=7, page_token=token)
            seen += page.items
            token = page.next_token
            if not token:
                break
        everything = sorted(examples.all_examples(faces), key=lambda each: (each.label.encode(), each.digest))
        assert seen == [each for each in everything if label in {"", each.label} and part in {None, each.part}]


def test_counts_by_label_and_part(examples: ExampleStore, faces: str) -> None:
    """The counts add up to the examples, label by label."""
    counts = examples.counts(faces)
    assert [count.label for count in counts] == ["anna", "bert", "dóra", "čeněk"]
    assert [count.training + count.validation + count.test for count in counts] == [20, 20, 20, 20]
    in_test = sum(each.part is Part.TEST for each in examples.all_examples(faces))
    assert sum(count.test for count in counts) == in_test


def test_unknown_dataset_is_named(examples: ExampleStore) -> None:
    """Adding to a dataset that is not there says which."""
    with pytest.raises(NotFoundError, match="ghost"):
        examples.add("ghost", [NewExample(_DIGEST, "a", "")])

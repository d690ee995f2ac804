"""Further names of one picture: kept beside the first, bounded, and gone with their example."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from graft.errors import NotFoundError
from trainer.catalog.corrections import CorrectionStore, Relabelling
from trainer.catalog.examples import NewExample
from trainer.catalog.further_sources import MAX_FURTHER_SOURCES, FurtherSourceStore

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore

_DIGEST = hashlib.sha256(b"a picture").digest()


@pytest.fixture
def sources(catalog: Catalog, datasets: DatasetStore) -> FurtherSourceStore:
    """Return the further names of the catalog, which has a dataset `set`."""
    datasets.create("set")
    return FurtherSourceStore(catalog)


def test_other_names_of_a_picture_are_kept(examples: ExampleStore, sources: FurtherSourceStore) -> None:
    """Each name once; the first one, and no name at all, are not further ones."""
    names = ["a/1.jpg", "a/copy.jpg", "a/1.jpg", "", "a/again.jpg", "a/copy.jpg"]
    examples.add("set", [NewExample(_DIGEST, "a", name) for name in names])
    assert sources.of_dataset("set") == {(_DIGEST, "a"): ("a/again.jpg", "a/copy.jpg")}
    assert [each.source_name for each in examples.all_examples("set")] == ["a/1.jpg"]


def test_names_of_another_label_are_its_own(examples: ExampleStore, sources: FurtherSourceStore) -> None:
    """One picture under two labels is two examples; neither name is a further one."""
    examples.add("set", [NewExample(_DIGEST, "a", "a/1.jpg"), NewExample(_DIGEST, "b", "b/1.jpg")])
    assert sources.of_dataset("set") == {}


def test_the_number_is_bounded(examples: ExampleStore, sources: FurtherSourceStore) -> None:
    """One picture imported under very many names does not fill the catalog."""
    examples.add("set", [NewExample(_DIGEST, "a", f"{number}.jpg") for number in range(MAX_FURTHER_SOURCES + 30)])
    assert len(sources.of_dataset("set")[_DIGEST, "a"]) == MAX_FURTHER_SOURCES


def test_they_go_with_their_example(
    examples: ExampleStore, sources: FurtherSourceStore, datasets: DatasetStore, catalog: Catalog
) -> None:
    """Removing the example, or the dataset, removes the names; importing it again brings back none."""
    twice = [NewExample(_DIGEST, "a", "1.jpg"), NewExample(_DIGEST, "a", "2.jpg")]
    examples.add("set", twice)
    examples.remove_digests("set", [_DIGEST])
    examples.add("set", twice[:1])
    assert sources.of_dataset("set") == {}
    examples.add("set", twice)
    datasets.delete("set")
    with catalog.read() as connection:
        assert connection.execute("SELECT COUNT(*) FROM further_sources").fetchone() == (0,)


def test_they_follow_a_new_label(examples: ExampleStore, sources: FurtherSourceStore, catalog: Catalog) -> None:
    """A corrected label takes the names along."""
    examples.add("set", [NewExample(_DIGEST, "a", "1.jpg"), NewExample(_DIGEST, "a", "2.jpg")])
    CorrectionStore(catalog).relabel("set", [Relabelling(_DIGEST, "b")])
    assert sources.of_dataset("set") == {(_DIGEST, "b"): ("2.jpg",)}


def test_unknown_datasets_are_named(sources: FurtherSourceStore) -> None:
    """As everywhere."""
    with pytest.raises(NotFoundError, match="ghost"):
        sources.of_dataset("ghost")

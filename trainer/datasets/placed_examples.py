"""The examples of a dataset for whoever trains on them or measures: placed for good before they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.catalog.examples import ExampleStore

if TYPE_CHECKING:
    from trainer.catalog.connection import Catalog
    from trainer.catalog.examples import Example, LabelCount
    from trainer.datasets.placing import Placer


class PlacedExamples(ExampleStore):
    """The examples of one catalog; both methods raise what `Placer.place` raises."""

    def __init__(self, catalog: Catalog, placer: Placer) -> None:
        super().__init__(catalog)
        self._placer = placer

    def counts(self, dataset: str) -> tuple[LabelCount, ...]:
        """Return the number of examples by label and part, once they are placed, if that takes no more than seconds."""
        self._placer.place_after_import(dataset)
        return super().counts(dataset)

    def all_examples(self, dataset: str) -> list[Example]:
        """Return every example by digest and label, once all are placed."""
        self._placer.place(dataset)
        return super().all_examples(dataset)

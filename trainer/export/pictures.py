"""Which pictures of a dataset an export is compared on."""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from trainer.datasets.split import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainer.catalog.examples import Example


def candidates(examples: Iterable[Example]) -> list[bytes]:
    """Return the digests in the order in which they are wanted: all labels in turn, of each the test part first.

    Within a part they go by digest, which is as good as by chance, and the same for the same dataset.
    """
    by_label: dict[str, list[tuple[bool, bytes]]] = {}
    for example in examples:
        by_label.setdefault(example.label, []).append((example.part is not Part.TEST, example.digest))
    columns = [sorted(by_label[label]) for label in sorted(by_label)]
    ranked = (each[1] for each in chain.from_iterable(zip_longest(*columns)) if each is not None)
    return list(dict.fromkeys(ranked))

"""What the catalog alone tells: doubles, contradictions, small and unequal classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from trainer.datasets.split import Part
from trainer.diagnosis.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.diagnosis.findings import Picture

MIN_PICTURES: Final = 10
"""Pictures that a class should have."""

MAX_RATIO: Final = 5
"""How many times larger the largest class may be."""


def exact_duplicates(pictures: Sequence[Picture]) -> list[Finding]:
    """Return the pictures that several files were imported of, those with the most files first."""
    doubled = [each for each in pictures if each.further_sources]
    doubled.sort(key=lambda each: (-len(each.further_sources), each.source))
    return [Finding((each,)) for each in doubled]


def label_conflicts(pictures: Sequence[Picture]) -> list[Finding]:
    """Return the pictures that have several labels, in the order given."""
    by_digest: dict[bytes, list[Picture]] = defaultdict(list)
    for each in pictures:
        by_digest[each.digest].append(each)
    return [Finding(tuple(each)) for each in by_digest.values() if len(each) > 1]


def small_classes(pictures: Sequence[Picture]) -> list[Finding]:
    """Return the classes with few pictures, or with none in a part, the smallest first."""
    parts: dict[str, Counter[Part]] = defaultdict(Counter)
    for each in pictures:
        parts[each.label][each.part] += 1
    found = [
        Finding(label=label, count=counts.total(), empty_parts=tuple(part for part in Part if not counts[part]))
        for label, counts in parts.items()
    ]
    # The validation part is small: a class may well be missing there, and nothing is measured by class.
    small = [each for each in found if each.count < MIN_PICTURES or {Part.TRAINING, Part.TEST} & set(each.empty_parts)]
    return sorted(small, key=lambda each: (each.count, each.label))


def imbalances(pictures: Sequence[Picture]) -> list[Finding]:
    """Return the classes that have less than a fifth of the pictures of the largest, the smallest first."""
    counts = Counter(each.label for each in pictures)
    largest = max(counts.values(), default=0)
    few = [Finding(label=label, count=count) for label, count in counts.items() if count * MAX_RATIO < largest]
    return sorted(few, key=lambda each: (each.count, each.label))

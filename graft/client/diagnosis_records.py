"""What the trainer tells of what is wrong with a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.client.records import Part


class FindingKind(StrEnum):
    """What may be wrong; the empty string is what a newer server may send."""

    UNSPECIFIED = ""
    EXACT_DUPLICATE = "exact_duplicate"
    LABEL_CONFLICT = "label_conflict"
    NEAR_DUPLICATE = "near_duplicate"
    SPLIT_LEAK = "split_leak"
    MISLABELLED = "mislabelled"
    OUTLIER = "outlier"
    UNREADABLE = "unreadable"
    SMALL_CLASS = "small_class"
    IMBALANCE = "imbalance"


@dataclass(frozen=True, slots=True)
class DiagnosedPicture:
    """A picture that a finding is about.

    Attributes:
        digest: SHA-256 of its bytes, 32 raw bytes.
        label: its label.
        source: where it came from; may be empty.
        part: which part it is in.
        further_sources: where the same bytes were imported from as well, under this label.
    """

    digest: bytes
    label: str
    source: str
    part: Part
    further_sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong.

    Attributes:
        pictures: two copies; one picture under each of its labels; none for classes; otherwise one.
        label: the label that a mislabelled picture more likely has; the class of a small one.
        score: probability that the label is wrong; how similar copies are, up to 1; how many robust standard deviations
            farther than usual an outlier is from its neighbours; otherwise 0.
        group: of near duplicates, from 1; otherwise 0.
        count: pictures in that group, or in the class.
        by_vectors: vectors decided that two pictures are copies, not previews.
        empty_parts: parts in which a small class has no picture.
    """

    pictures: tuple[DiagnosedPicture, ...]
    label: str
    score: float
    group: int
    count: int
    by_vectors: bool
    empty_parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class FindingList:
    """All findings of one kind.

    Attributes:
        kind: what may be wrong.
        total: how many there are.
        findings: the gravest or surest first, as many as were asked for.
        advice: what to do about them, in English.
    """

    kind: FindingKind
    total: int
    findings: tuple[Finding, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a dataset.

    Attributes:
        dataset: its name.
        example_count: examples; a picture under two labels is two.
        picture_count: different pictures.
        preview_count: pictures whose copies were told by their previews; those of the others by vectors alone.
        judged_count: pictures whose label was judged.
        near_duplicate_groups: groups of near duplicates.
        lists: one for each kind, also where nothing was found.
        page: one self-contained HTML file; empty unless it was asked for.
    """

    dataset: str
    example_count: int
    picture_count: int
    preview_count: int
    judged_count: int
    near_duplicate_groups: int
    lists: tuple[FindingList, ...]
    page: bytes

    def total(self, kind: FindingKind) -> int:
        """Return how many findings of a kind there are."""
        return sum(each.total for each in self.lists if each.kind is kind)

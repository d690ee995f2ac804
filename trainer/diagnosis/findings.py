"""What a diagnosis consists of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.datasets.split import Part


class Kind(StrEnum):
    """What may be wrong; in the order in which it is told."""

    EXACT_DUPLICATE = "exact duplicates"
    LABEL_CONFLICT = "pictures under several labels"
    NEAR_DUPLICATE = "near duplicates"
    SPLIT_LEAK = "near duplicates across the split"
    MISLABELLED = "likely wrong labels"
    OUTLIER = "pictures unlike all others"
    UNREADABLE = "pictures without a vector"
    SMALL_CLASS = "small classes"
    IMBALANCE = "classes much smaller than the largest"


ADVICE: Mapping[Kind, str] = {
    Kind.EXACT_DUPLICATE: (
        "The same bytes lie in several files. Each picture counts once, so nothing has to be done; spare files may go."
    ),
    Kind.LABEL_CONFLICT: (
        "One picture cannot teach two answers. Remove the wrong label, or merge the two labels if they mean the same."
    ),
    Kind.NEAR_DUPLICATE: (
        "These are copies: encoded again, resized or hardly changed. They add nothing; keep one of each group."
    ),
    Kind.SPLIT_LEAK: (
        "A picture was trained on and its copy tests: the accuracy will look better than it is. Remove one of the two."
    ),
    Kind.MISLABELLED: (
        "Pictures like these mostly have another label. Look at each: correct the label, or leave it if it is right. "
        "Expect about one in three to be right."
    ),
    Kind.OUTLIER: (
        "Nothing else in the dataset looks like these. Look at each: broken pictures and strangers do harm, "
        "rare views of a class are worth having; add more of them."
    ),
    Kind.UNREADABLE: (
        "Their vectors are not cached any more, and training will fail. Import the same pictures again, which sends "
        "just these, or remove them."
    ),
    Kind.SMALL_CLASS: (
        "A class wants at least 10 pictures, and some in each part, to be learned and measured; a hundred and more are "
        "better. Add pictures, or merge the class with another."
    ),
    Kind.IMBALANCE: (
        "These classes have less than a fifth of the pictures of the largest and will be answered too rarely. "
        "Add pictures to them."
    ),
}
"""For each kind what to do about it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a finding is about.

    Attributes:
        digest: SHA-256, 32 bytes.
        label: its label.
        source: where it came from; may be empty.
        part: where it is.
        further_sources: further names of the same bytes under this label, sorted.
    """

    digest: bytes
    label: str
    source: str
    part: Part
    further_sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be wrong; what each kind sets is told in the message of the same name on the wire.

    Attributes:
        pictures: what it is about.
        label: a likelier label, or the class.
        score: how sure, how similar, how far.
        group: number of the group of near duplicates, from 1.
        count: pictures in the group or the class.
        by_vectors: the vectors decided, not the previews.
        empty_parts: parts without a picture of the class.
    """

    pictures: tuple[Picture, ...] = ()
    label: str = ""
    score: float = 0.0
    group: int = 0
    count: int = 0
    by_vectors: bool = False
    empty_parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingList:
    """The findings of one kind: how many there are, and the first of them."""

    kind: Kind
    total: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a dataset.

    Attributes:
        dataset: its name.
        examples: in all.
        pictures: different ones.
        previews: pictures with a preview.
        judged: pictures whose label was judged.
        groups: of near duplicates.
        lists: one for each kind.
    """

    dataset: str
    examples: int
    pictures: int
    previews: int
    judged: int
    groups: int
    lists: tuple[FindingList, ...]

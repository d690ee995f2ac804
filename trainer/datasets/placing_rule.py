"""The rule by which pictures that are new in a dataset are placed, once it is known which are near duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.datasets.placing_search import SAME_VECTOR
from trainer.datasets.split import Part, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.catalog.parts import Placement


@dataclass(slots=True)
class _Group:
    """Newcomers that near duplicates connect; `bound` says that a placed picture decides their part."""

    members: list[Placement]
    part: Part
    bound: bool


def choose_parts(
    newcomers: Sequence[Placement],
    first_rows: Sequence[int],
    followed: Sequence[tuple[float, Part] | None],
    trained: Iterable[str] = (),
) -> dict[bytes, Part]:
    """Return the part of each newcomer, by digest.

    A newcomer follows its placed near duplicate if that is as near as a copy, whatever else is near it. The others of a
    group stay together: they take the part of the placed picture that is nearest to any member; without one, the part
    that the smallest digest in it says. So the order of the newcomers does not matter.
    A member that is not allowed there is placed by its digest among the parts that it is allowed.

    Groups make chance coarser: a class of few pictures, most of them alike, might have none to train on. So where a
    class would have a training picture by the digests alone, and has none by groups, the group of such a picture with
    the smallest digest, of those that no placed picture binds, goes into training.

    Args:
        newcomers: the pictures.
        first_rows: for each the smallest row of its group.
        followed: for each how near its nearest placed near duplicate is, and the part of that; None if there is none.
        trained: labels that have a placed training picture.
    """
    groups = _groups(newcomers, first_rows, followed)
    has_training = set(trained)
    for group in groups:
        has_training |= _trained_by(group)
    # By the smallest digest of each group, which is what the rule says and the same for any order.
    groups.sort(key=lambda group: min(each.digest for each in group.members))
    for group in groups:
        if group.bound or not _labels_by_digest(group) - has_training:
            continue
        group.part = Part.TRAINING
        has_training |= _trained_by(group)
    return {each.digest: _part_of_member(each, group.part) for group in groups for each in group.members}


def _groups(
    newcomers: Sequence[Placement], first_rows: Sequence[int], followed: Sequence[tuple[float, Part] | None]
) -> list[_Group]:
    rows: dict[int, list[int]] = {}
    for row, first in enumerate(first_rows):
        rows.setdefault(first, []).append(row)
    groups = []
    for members in rows.values():
        nearest = max((found for row in members if (found := followed[row])), default=None)
        smallest = min(newcomers[row].digest for row in members)
        part = nearest[1] if nearest else part_of(smallest)
        sure = {row: found for row in members if (found := followed[row]) and found[0] >= SAME_VECTOR}
        groups += [_Group([newcomers[row]], found[1], bound=True) for row, found in sure.items()]
        if rest := [newcomers[row] for row in members if row not in sure]:
            groups.append(_Group(rest, part, nearest is not None))
    return groups


def _part_of_member(each: Placement, part: Part) -> Part:
    return part if not each.allowed or part in each.allowed else part_of(each.digest, each.allowed)


def _trained_by(group: _Group) -> set[str]:
    return {
        label for each in group.members if _part_of_member(each, group.part) is Part.TRAINING for label in each.labels
    }


def _labels_by_digest(group: _Group) -> set[str]:
    """Labels of which the digests alone would have put a picture into training."""
    return {
        label for each in group.members if part_of(each.digest, each.allowed) is Part.TRAINING for label in each.labels
    }

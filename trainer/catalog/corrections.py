"""Corrections to the labels of a dataset: of single pictures, of whole labels; parts and source names stay.

All of them may be repeated: what is as wished already is passed over. Where a picture would come to stand under its
label twice, one of its two examples goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.errors import InvalidArgumentError, Violation
from trainer.catalog.datasets import dataset_id
from trainer.catalog.examples import check_digests
from trainer.catalog.parts import remember_parts
from trainer.datasets.labels import check_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trainer.catalog.connection import Catalog


@dataclass(frozen=True, slots=True)
class Relabelling:
    """The label that a picture shall have.

    Attributes:
        digest: SHA-256 of the picture, 32 bytes.
        label: the label it shall have.
        from_label: only its example of this label is changed; empty means all of its examples.
    """

    digest: bytes
    label: str
    from_label: str = ""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a correction did.

    Attributes:
        relabelled: examples that have another label now.
        merged: examples that went, since their picture stood under its new label already.
        absent: pictures, or labels, that the dataset does not hold.
    """

    relabelled: int
    merged: int
    absent: int


class CorrectionStore:
    """Corrects the labels of the datasets of one catalog; each call is one transaction."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def relabel(self, dataset: str, wanted: Sequence[Relabelling]) -> Corrected:
        """Give pictures other labels, in order.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            InvalidArgumentError: INVALID_LABEL, INVALID_DIGEST or TOO_MANY_DIGESTS; nothing was changed.
        """
        check_digests([each.digest for each in wanted])
        for index, each in enumerate(wanted):
            check_label(f"items[{index}].label", each.label)
        relabelled = merged = absent = 0
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, dataset)
            for each in wanted:
                found = connection.execute(
                    "SELECT label FROM examples WHERE dataset_id = ? AND digest = ?", (row_id, each.digest)
                ).fetchall()
                labels = {label for (label,) in found}
                if not labels & ({each.from_label, each.label} if each.from_label else labels):
                    absent += 1
                    continue
                key = (row_id, each.digest, each.label, each.from_label, each.from_label)
                where = "dataset_id = ? AND digest = ? AND label != ? AND (? = '' OR label = ?)"
                statement = f"UPDATE OR IGNORE examples SET label = ? WHERE {where}"  # noqa: S608 - no user's text
                relabelled += connection.execute(statement, (each.label, *key)).rowcount
                merged += connection.execute(f"DELETE FROM examples WHERE {where}", key).rowcount  # noqa: S608 - ditto
        return Corrected(relabelled, merged, absent)

    def merge_labels(self, dataset: str, labels: Sequence[str], into: str) -> Corrected:
        """Give all examples of some labels one label, old or new; a single label is renamed by it.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
            InvalidArgumentError: reason INVALID_LABEL for `into`, LABELS_REQUIRED without labels; nothing was changed.
        """
        check_label("into", into)
        if not labels:
            raise InvalidArgumentError(
                "labels must name at least one label",
                reason="LABELS_REQUIRED",
                violations=(Violation("labels", "must not be empty"),),
            )
        relabelled = merged = absent = 0
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, dataset)
            for label in dict.fromkeys(labels):
                if label == into:
                    continue
                changed = connection.execute(
                    "UPDATE OR IGNORE examples SET label = ? WHERE dataset_id = ? AND label = ?", (into, row_id, label)
                ).rowcount
                gone = connection.execute(
                    "DELETE FROM examples WHERE dataset_id = ? AND label = ?", (row_id, label)
                ).rowcount
                relabelled, merged = relabelled + changed, merged + gone
                absent += changed + gone == 0
        return Corrected(relabelled, merged, absent)

    def remove_labels(self, dataset: str, labels: Iterable[str]) -> int:
        """Remove all examples of these labels and return how many there were.

        Raises:
            NotFoundError: reason DATASET_NOT_FOUND.
        """
        statement = "DELETE FROM examples WHERE dataset_id = ? AND label = ? RETURNING digest, part"
        with self._catalog.write() as connection:
            row_id = dataset_id(connection, dataset)
            removed = [row for label in labels for row in connection.execute(statement, (row_id, label))]
            remember_parts(connection, row_id, removed)
        return len(removed)

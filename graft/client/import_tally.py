"""Counts what became of the pictures of an import; each is counted once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.client.reports import ImportProgress, ImportReport, Refusal

if TYPE_CHECKING:
    from graft.client.pictures import Hashed
    from graft.errors import GraftError


class ImportTally:
    """The counts so far."""

    def __init__(self, total: int | None, skipped: int = 0) -> None:
        """Begin with how many pictures are expected, if that is known, and how many files were passed over."""
        self._total = total
        self._skipped = skipped
        self._added = self._unchanged = self._computed = 0
        self._refused: list[Refusal] = []

    def accept(self, *, added: bool, computed: bool) -> None:
        """Count a picture that is in the dataset now."""
        if added:
            self._added += 1
        else:
            self._unchanged += 1
        self._computed += computed

    def refuse(self, hashed: Hashed, error: GraftError, digest: bytes = b"") -> None:
        """Count a picture that is not; `digest` is the server's, if it says one."""
        self._refused.append(Refusal(hashed.item.name, hashed.item.label, digest or hashed.digest, error))

    def progress(self, waiting_for: GraftError | None = None, placing: float | None = None) -> ImportProgress:
        """Return the counts."""
        return ImportProgress(
            self._total, self._added, self._unchanged, self._computed, len(self._refused), waiting_for, placing
        )

    def report(self, seconds: float) -> ImportReport:
        """Return the counts at the end."""
        return ImportReport(
            total=self._added + self._unchanged + len(self._refused),
            added=self._added,
            unchanged=self._unchanged,
            computed=self._computed,
            refused=tuple(self._refused),
            skipped=self._skipped,
            seconds=seconds,
        )

"""How an import goes and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft.errors import GraftError


@dataclass(frozen=True, slots=True)
class Refusal:
    """A picture that was not added.

    Attributes:
        source: its path, or what the caller called it.
        label: the label it was to have.
        digest: SHA-256 of its bytes, 32 raw bytes; empty if they could not be read here.
        error: why not.
    """

    source: str
    label: str
    digest: bytes
    error: GraftError

    @property
    def digest_hex(self) -> str:
        """The digest in hexadecimal."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is; every picture counts once, in `added`, `unchanged` or `refused`.

    Attributes:
        total: pictures to import; None if the caller's iterable does not say.
        added: pictures that became examples.
        unchanged: pictures that were examples already.
        computed: pictures that went through the trunk, as far as their answers arrived.
        refused: pictures that were not added.
        waiting_for: why the import is pausing before it tries again; None while it goes on.
        placing: once all pictures are dealt with, how much of the work of placing them in the parts of the dataset is
            done, 0 to 1; None before.
    """

    total: int | None
    added: int
    unchanged: int
    computed: int
    refused: int
    waiting_for: GraftError | None = None
    placing: float | None = None

    @property
    def done(self) -> int:
        """Pictures that are dealt with."""
        return self.added + self.unchanged + self.refused


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import went.

    A picture that was added by a call which broke before it was acknowledged is sent again and then counts as
    unchanged, and not as computed.

    Attributes:
        total: pictures offered: added + unchanged + refused.
        added: pictures that became examples.
        unchanged: pictures that were examples already.
        computed: pictures that went through the trunk, as far as their answers arrived.
        refused: those that were not added, and why.
        skipped: what was passed over in the folder: see Folder.skipped.
        seconds: how long it took.
    """

    total: int
    added: int
    unchanged: int
    computed: int
    refused: tuple[Refusal, ...]
    skipped: int
    seconds: float

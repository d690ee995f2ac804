"""What recognition answers, and which services answer at all, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from graft.errors import GraftError


@dataclass(frozen=True, slots=True)
class ScoredLabel:
    """One label and how probable the head finds it, 0 to 1."""

    label: str
    probability: float


class Verdict(StrEnum):
    """Whether an answer should be believed; the empty string if the head cannot tell."""

    UNSPECIFIED = ""
    KNOWN = "KNOWN"
    UNCERTAIN = "UNCERTAIN"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Classification:
    """What a head makes of one picture.

    Attributes:
        labels: the most probable first.
        verdict: whether they should be believed.
        unknown_score: how unlike the head's classes it looks, 0 to 1; None if the head cannot tell.
    """

    labels: tuple[ScoredLabel, ...]
    verdict: Verdict = Verdict.UNSPECIFIED
    unknown_score: float | None = None

    @property
    def best(self) -> ScoredLabel:
        """The most probable label."""
        return self.labels[0]


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What a classifier made of one picture.

    Attributes:
        source: where the picture came from: its path, or its place in the call such as `#3`.
        digest: SHA-256 of its bytes, 32 raw bytes; empty if they could not be read here.
        classification: the labels; None if `error` is set.
        error: why there are none.
        cached: whether the picture's vector came from the cache.
        classifier: the classifier asked.
        version: the version that answered, 0 if none did.
    """

    source: str
    digest: bytes
    classification: Classification | None
    error: GraftError | None
    cached: bool
    classifier: str
    version: int

    @property
    def digest_hex(self) -> str:
        """The digest in hexadecimal."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class ServedHead:
    """A head that the classifier serves.

    Attributes:
        classifier: its name.
        version: 1 or more.
        aliases: those that point to it.
        fingerprint: 16 bytes, the trunk of the vectors it takes.
        dimensions: values in a vector it takes.
        labels: in the order of its outputs.
        load_time: when it was loaded, UTC.
    """

    classifier: str
    version: int
    aliases: tuple[str, ...]
    fingerprint: bytes
    dimensions: int
    labels: tuple[str, ...]
    load_time: datetime | None


@dataclass(frozen=True, slots=True)
class ServedHeads:
    """All heads that are served; `registry_connected` False says that the list may be out of date."""

    heads: tuple[ServedHead, ...]
    registry_connected: bool


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Whether one of the four services answers.

    Attributes:
        service: `gateway`, `feature_extractor`, `trainer` or `classifier`.
        serving: whether it takes calls.
        error: why not; None if it does.
    """

    service: str
    serving: bool
    error: GraftError | None

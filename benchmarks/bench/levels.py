"""Whether what a process uses stays level over the last half of a soak; pure functions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.rates import slope

if TYPE_CHECKING:
    from collections.abc import Sequence

# By how much the fitted line may rise from the middle to the end.
_MEMORY_SHARE = 0.02
_COUNT = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process used after so many requests.

    Attributes:
        requests: sent until then.
        memory_mib: resident.
        own_mib: the part of it that no file stands behind.
        files: open file descriptors.
        threads: threads.
    """

    requests: int
    memory_mib: float
    own_mib: float
    files: int
    threads: int

    def to_json(self) -> dict[str, Any]:
        """As a record."""
        return asdict(self)


_FIELDS = ("memory_mib", "own_mib", "files", "threads")


def halves(samples: Sequence[Sample]) -> dict[str, tuple[float, float]]:
    """For each thing that is used its mean over the first half of the requests and over the last."""
    middle = samples[-1].requests / 2
    found = {}
    for name in _FIELDS:
        early = [getattr(each, name) for each in samples if each.requests < middle]
        late = [getattr(each, name) for each in samples if each.requests >= middle]
        found[name] = (sum(early) / len(early), sum(late) / len(late))
    return found


def level(samples: Sequence[Sample]) -> dict[str, str]:
    """For each thing that is used whether it is level over the last half, and by how much its fitted line rises there.

    Memory may rise by 2 % of its mean, files and threads by one.
    """
    late = [each for each in samples if each.requests >= samples[-1].requests / 2]
    at = [float(each.requests) for each in late]
    verdicts = {}
    for name in _FIELDS:
        values = [float(getattr(each, name)) for each in late]
        rise = slope(at, values) * (at[-1] - at[0])
        bound = _MEMORY_SHARE * sum(values) / len(values) if name.endswith("mib") else _COUNT
        verdicts[name] = f"{'level' if rise <= bound else 'RISING'} ({rise:+.2f} over the last half)"
    return verdicts

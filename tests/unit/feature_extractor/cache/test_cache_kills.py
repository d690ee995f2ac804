"""The cache's owner is killed at random moments, writing, evicting and verifying: nothing acknowledged may be lost.

`GRAFT_KILLS` sets how many kills; `make test-kill` does 500.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import lmdb.verify
import numpy as np

from feature_extractor.cache.feature_cache import FeatureCache

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

KILLS = int(os.environ.get("GRAFT_KILLS", "15"))
FINGERPRINT = b"f" * 16
DIMENSIONS = 256
ROOMY, TIGHT = 1 << 30, 6 << 20
# Kills in one directory; then it is checked entry by entry, and the next begins with an empty one.
LIFETIMES = 25

# Prints, once each has happened: `+N`, the vectors of pictures up to N are on disk; `-` an eviction step is; `?` a
# verification step is.
OWNER = """
import os, sys, threading
from hashlib import sha256
from itertools import count
from pathlib import Path
import numpy as np
from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.cache.records import Entry
from feature_extractor.cache.writer import GroupCommitWriter

directory, first, limit, dimensions = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
cache = FeatureCache(directory, fingerprint=b"f" * 16, dimensions=dimensions, map_bytes=1 << 30, size_limit_bytes=limit)
writer = GroupCommitWriter(cache.put_many, max_entries=16, gather_s=0.0)

def entry(number):
    return Entry(sha256(b"%d" % number).digest(), np.full(dimensions, number, np.float32), b"preview %d" % number * 9)

def verify():
    while True:
        for _ in cache.verify():
            os.write(1, b"?\\n")
        breath.wait(0.01)

def evict():
    while True:
        for _ in cache.evict(EvictionRequest(to_bytes=limit // 2)):
            os.write(1, b"-\\n")
        breath.wait(0.01)

breath = threading.Event()  # never set
threading.Thread(target=verify, daemon=True).start()
if limit < 1 << 29:
    threading.Thread(target=evict, daemon=True).start()
for number in count(first, 32):
    futures = [writer.submit(entry(each)) for each in range(number, number + 32)]
    for future in futures:
        future.result()
    os.write(1, b"+%d\\n" % (number + 31))
"""


class Killed(NamedTuple):
    """What an owner told before it was killed.

    Attributes:
        first: the first picture it was to write.
        acknowledged: the last picture it said is on disk; before `first` if it said so of none.
        steps: how many steps of eviction and verification it told of.
    """

    first: int
    acknowledged: int
    steps: int


def live_and_die(directory: Path, first: int, limit: int, writes: int, lines: int) -> Killed:
    """Run an owner, kill it after so many writes and then so many lines; what it printed until its death counts."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory), str(first), str(limit), str(DIMENSIONS)], stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    told: list[bytes] = []
    while sum(line.startswith(b"+") for line in told) < writes:
        told.append(owner.stdout.readline())
        assert told[-1], "the owner ended by itself"
    told += [owner.stdout.readline() for _ in range(lines)]
    owner.send_signal(signal.SIGKILL)
    told += owner.stdout.read().splitlines(keepends=True)
    assert owner.wait() == -signal.SIGKILL, told
    owner.stdout.close()
    written = [int(line[1:]) for line in told if line.startswith(b"+") and line.endswith(b"\n")]
    return Killed(first, max(written, default=first - 1), len(told) - len(written))


def check(directory: Path, limit: int, lives: list[Killed]) -> None:
    """Reopen: nothing is corrupt, the counts are right, and what was acknowledged and not evicted is there."""
    assert lmdb.verify.verify(str(directory)) == []
    with closing(
        FeatureCache(
            directory, fingerprint=FINGERPRINT, dimensions=DIMENSIONS, map_bytes=1 << 30, size_limit_bytes=limit
        )
    ) as cache:
        found = 0
        for life in lives:
            numbers = range(life.first, life.acknowledged + 1 + 64)  # some may be on disk that nobody was told of
            vectors = cache.get_many([sha256(b"%d" % number).digest() for number in numbers])
            for number, vector in zip(numbers, vectors, strict=True):
                if limit == ROOMY and number <= life.acknowledged:
                    assert vector is not None, f"{number} was acknowledged and is lost"
                assert vector is None or (vector == np.float32(number)).all()
            found += sum(vector is not None for vector in vectors)
        before = cache.stats()
        assert (before.entries, before.entries_total, before.previews) == (found, found, found)
        *_, last = cache.verify()
        assert (last.dropped, last.total, cache.stats().corrupt) == (0, 2 * found, 0)
        assert cache.stats().fingerprints == before.fingerprints
        assert before.bytes_used <= limit


def test_kills_at_any_moment_lose_and_corrupt_nothing(tmp_path: Path) -> None:
    """After each directory's kills: 0 corrupt, 0 acknowledged lost, right counts; half of them evict all the while."""
    chance = random.Random(KILLS)  # noqa: S311  # no secret
    done = steps = acknowledged = 0
    for number in range(KILLS):
        directory, limit = tmp_path / str(number), (ROOMY, TIGHT)[number % 2]
        lives = []
        for _ in range(min(LIFETIMES if KILLS > LIFETIMES else 4, KILLS - done)):
            lives.append(
                live_and_die(directory, len(lives) * 1_000_000, limit, chance.randrange(40), chance.randrange(20))
            )
            done += 1
        if not lives:
            break
        check(directory, limit, lives)
        steps += sum(life.steps for life in lives)
        acknowledged += sum(life.acknowledged + 1 - life.first for life in lives)
    assert done == KILLS
    assert acknowledged > 0
    assert steps > 0
    _log.info("%d kills, %d vectors acknowledged, %d steps of eviction and verification", done, acknowledged, steps)

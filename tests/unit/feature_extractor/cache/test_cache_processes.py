"""The cache against the operating system: kills in mid-write, full disks, forks, narrow address spaces."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from feature_extractor.cache.feature_cache import FeatureCache

if TYPE_CHECKING:
    from pathlib import Path

FINGERPRINT = b"f" * 16

PRELUDE = """
import os, sys
from pathlib import Path
import numpy as np
from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.records import Entry
from graft.errors import GraftError

def entry(number, dimensions=768):
    return Entry(number.to_bytes(32, "big"), np.full(dimensions, number, np.float32), b"p" * 3000)

def open_cache(**settings):
    return FeatureCache(Path(sys.argv[1]), fingerprint=b"f" * 16, **{"dimensions": 768} | settings)
"""

ENDLESS_WRITER = (
    PRELUDE
    + """
from feature_extractor.cache.writer import GroupCommitWriter

first = int(sys.argv[2])
cache = open_cache()
writer = GroupCommitWriter(cache.put_many, max_entries=16, gather_s=0.0)
number = first
while True:
    futures = [(number + i, writer.submit(entry(number + i))) for i in range(32)]
    for acknowledged, future in futures:
        future.result()
        os.write(1, b"%d\\n" % acknowledged)
    number += 32
"""
)


def run(script: str, directory: Path) -> str:
    """Run a script in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(directory)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    """Writers killed in mid-write lose no acknowledged entry, corrupt none, and lock nobody out."""
    acknowledged: list[int] = []
    for kill, lines in enumerate((1, 40, 97, 150, 233, 380)):
        writer = subprocess.Popen(
            [sys.executable, "-c", ENDLESS_WRITER, str(tmp_path), str(kill * 1_000_000)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        acknowledged += [int(writer.stdout.readline()) for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
    with closing(FeatureCache(tmp_path, fingerprint=FINGERPRINT, dimensions=768)) as cache:
        vectors = cache.get_many([number.to_bytes(32, "big") for number in acknowledged])
        assert len(acknowledged) >= 6
        for number, vector in zip(acknowledged, vectors, strict=True):
            assert vector is not None
            assert (vector == np.float32(number)).all()
        assert cache.stats().corrupt == 0
        assert cache.stats().entries >= len(acknowledged)


def test_a_full_disk_is_an_error_and_writing_resumes_when_there_is_room(tmp_path: Path) -> None:
    """A write the disk refuses raises CACHE_FULL and keeps what was there; with room again, writing goes on."""
    printed = run(
        """
import resource
cache = open_cache()
cache.put_many([entry(1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    cache.put_many([entry(number) for number in range(2, 500)])
except GraftError as error:
    print(type(error).__name__, error.reason, error.metadata["cause"])
print(cache.get_many([(1).to_bytes(32, "big")])[0] is not None, cache.stats().entries)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
cache.put_many([entry(number) for number in range(2, 500)])
print(sum(cache.contains_many([number.to_bytes(32, "big") for number in range(1, 500)])))
cache.close()
""",
        tmp_path,
    )
    assert printed.splitlines() == ["ResourceExhaustedError CACHE_FULL disk", "True 1", "499"]


def test_a_forked_child_is_told_and_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A child made by fork cannot use its parent's cache, and its living on does not lock the next owner out."""
    printed = run(
        """
cache = open_cache()
ready, release = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    try:
        cache.get_many([bytes(32)])
    except RuntimeError as error:
        os.write(ready[1], b"refused" if "fork" in str(error) else b"other")
    os.read(release[0], 1)
    os._exit(0)
print(os.read(ready[0], 100).decode())
cache.close()
open_cache().close()
print("reopened while the child lives")
os.write(release[1], b"x")
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        tmp_path,
    )
    assert printed.splitlines() == ["refused", "reopened while the child lives", "0"]


def test_a_narrow_address_space_gets_a_smaller_map_or_a_clear_refusal(tmp_path: Path) -> None:
    """Where the system refuses the map, the largest it grants is taken if it holds the size limit; else it says so."""
    printed = run(
        """
import logging, resource
logging.basicConfig(stream=sys.stdout, format="%(levelname)s", level="WARNING")
resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
cache = open_cache(map_bytes=32 << 30, size_limit_bytes=1 << 30)
print(1 << 30 <= cache.stats().map_bytes < 16 << 30)
cache.put_many([entry(1)])
cache.close()
try:
    open_cache(map_bytes=32 << 30, size_limit_bytes=20 << 30)
except GraftError as error:
    print(type(error).__name__, error.reason)
""",
        tmp_path,
    )
    lines = printed.splitlines()
    assert lines[0] == "WARNING"
    assert [line for line in lines if line != "WARNING"] == ["True", "FailedPreconditionError CACHE_MAP_REFUSED"]

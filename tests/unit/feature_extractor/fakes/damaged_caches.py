"""A cache filled and used in processes of their own, because a crash is what is looked for, and damage to its file."""

from __future__ import annotations

import random
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096
PICTURES = 400

SCRIPT = """
import sys
from hashlib import sha256
from pathlib import Path
import numpy as np
from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.eviction import EvictionRequest
from feature_extractor.cache.records import Entry
from graft.errors import GraftError

def entry(number):
    key = sha256(b"%d" % number).digest()
    return Entry(key, np.full(768, number, np.float32), b"preview of %d" % number * 200)

def attempt(name, work):
    print(name, end=" ", flush=True)
    try:
        work()
    except GraftError as error:
        print(error.reason, end=" ")

def read(cache, count):
    entries = [entry(number) for number in range(count)]
    for wanted, vector in zip(entries, cache.get_many([entry.key for entry in entries]), strict=True):
        assert vector is None or (vector == wanted.vector).all(), "a wrong vector"
    for wanted, preview in zip(entries, cache.get_previews([entry.key for entry in entries]), strict=True):
        assert preview in (None, wanted.preview), "a wrong preview"

def fill(cache, first, count):
    for start in range(first, first + count, 50):
        cache.put_many([entry(number) for number in range(start, start + 50)])

def use(directory, count):
    cache = FeatureCache(directory, fingerprint=b"f" * 16, dimensions=768, map_bytes=1 << 28, size_limit_bytes=1 << 27)
    attempt("read", lambda: read(cache, count))
    attempt("verify", lambda: list(cache.verify()))
    attempt("stats", cache.stats)
    attempt("put", lambda: fill(cache, 10_000, 200))
    attempt("evict", lambda: list(cache.evict(EvictionRequest(to_bytes=500_000))))
    attempt("read", lambda: read(cache, count))
    attempt("close", cache.close)

if sys.argv[1] == "fill":
    cache = FeatureCache(Path(sys.argv[2]), fingerprint=b"f" * 16, dimensions=768, map_bytes=1 << 28)
    fill(cache, 0, int(sys.argv[3]))
    cache.close()
else:
    attempt("open", lambda: use(Path(sys.argv[2]), int(sys.argv[3])))
"""


def run(what: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Fill or use a cache in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, what, str(directory), str(PICTURES)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def chance_of(seed: int) -> random.Random:
    """The same random numbers in each run."""
    return random.Random(seed)  # noqa: S311  # no secret


def tree_pages(content: bytes) -> list[int]:
    """Numbers of the branch and leaf pages."""
    kinds = [int.from_bytes(content[at + 10 : at + 12], "little") for at in range(0, len(content), PAGE)]
    return [number for number, kind in enumerate(kinds) if kind in {1, 2}]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with zeros, noise or flipped bits in one or some pages, of all kinds or of the trees."""
    changed = bytearray(content)
    pages = tree_pages(content) if chance.random() < 0.6 else range(len(content) // PAGE)
    kind = chance.choice(["zeros", "noise", "bits", "cut"])
    for _ in range(chance.choice([1, 3, 20])):
        at = chance.choice(pages) * PAGE
        if kind == "zeros":
            changed[at : at + PAGE] = bytes(PAGE)
        elif kind == "noise":
            changed[at : at + PAGE] = chance.randbytes(PAGE)
        elif kind == "bits":
            for _ in range(8):
                changed[at + chance.randrange(PAGE)] ^= 1 << chance.randrange(8)
    return bytes(changed[: chance.randrange(len(changed))] if kind == "cut" else changed)

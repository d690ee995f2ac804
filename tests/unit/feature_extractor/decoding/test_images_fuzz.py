"""Decoding whatever damaged pictures come: no crash, no hang, no flood of memory; a picture or a clear refusal.

`make fuzz` (GRAFT_FUZZ=long) goes on for about ten minutes with ever new seeds. What is found lies in var/fuzz/.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from damaged_pictures import SEEDS, damaged_pictures
from decode_process import Worker
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

FINDINGS = Path(__file__).parents[4] / "var" / "fuzz"
LONG = os.environ.get("GRAFT_FUZZ") == "long"
LONG_S = float(os.environ.get("GRAFT_FUZZ_SECONDS", "600"))
PATIENCE_S = 20.0  # a healthy example takes milliseconds; the rest is for machines that are busy
PEAK_KIB = 700 * 2**10  # 4 megapixels at most: the decoders and their worst copies
REASONS = {"EMPTY_IMAGE", "TOO_MANY_PIXELS", "UNSUPPORTED_FORMAT", "CORRUPT_IMAGE"}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A process that decodes."""
    process = Worker(patience_s=PATIENCE_S, notes=tmp_path_factory.mktemp("fuzz") / "stderr")
    yield process
    process.close()


def check(worker: Worker, options: int, content: bytes, origin: str) -> str:
    """Decode a damaged picture; returns its outcome, fails on a finding after keeping its bytes."""
    said = worker.outcome(options, content)
    word, rest = re.fullmatch(r"(ok|refused|wrong)(.*)", said, re.DOTALL).groups()  # type: ignore[union-attr]  # always
    peak = re.search(r"\((\d+) KiB\)$", rest)
    fine = word == "ok" or (word == "refused" and rest.split()[0] in REASONS)
    if not fine or peak is None or int(peak[1]) > PEAK_KIB:
        FINDINGS.mkdir(parents=True, exist_ok=True)
        kept = FINDINGS / f"{hashlib.sha256(content).hexdigest()[:16]}-options{options}.bin"
        kept.write_bytes(content)
        pytest.fail(f"{said}\nfound with {origin}; the {len(content)} bytes are in {kept}")
    return said


def fuzz(worker: Worker, number: int, examples: int) -> None:
    """Decode so many damaged pictures, drawn from a seed."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # the finding is kept as it is; shrinking one that hangs would take hours
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged_pictures(), st.integers(0, 3))
    def decode(content: bytes, options: int) -> None:
        check(worker, options, content, f"seed {number}")

    decode()


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_undamaged_pictures_decode(worker: Worker, name: str) -> None:
    """What the damage is done to is sound, or nothing deep would ever be reached."""
    assert check(worker, 2, SEEDS[name], name).startswith("ok")


def test_damaged_pictures_give_a_picture_or_a_refusal(worker: Worker) -> None:
    """Some hundreds of damaged pictures, the same ones in each run, find nothing."""
    fuzz(worker, 1, 700)


def test_a_finding_is_noticed(worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refusal for an unknown reason fails the check, and its bytes are kept."""
    monkeypatch.setitem(globals(), "FINDINGS", tmp_path)
    with pytest.raises(pytest.fail.Exception, match="IMAGE_TOO_LARGE"):
        check(worker, 0, bytes(2**22 + 1), "this test")
    assert [kept.stat().st_size for kept in tmp_path.iterdir()] == [2**22 + 1]


def test_a_dead_or_hanging_worker_is_noticed(tmp_path: Path) -> None:
    """A worker that ends or does not answer is a finding, and the next picture gets a fresh one."""
    hurried = Worker(patience_s=0.0, notes=tmp_path / "stderr")
    assert hurried.outcome(0, SEEDS["png"]).startswith("wrong: it hangs")
    patient = Worker(patience_s=PATIENCE_S, notes=tmp_path / "stderr")
    assert patient.outcome(0, SEEDS["png"]).startswith("ok")
    assert patient._process is not None
    patient._process.kill()
    patient._process.wait()
    assert patient.outcome(0, SEEDS["png"]).startswith("wrong: it died")
    assert patient.outcome(0, SEEDS["png"]).startswith("ok")
    patient.close()


@pytest.mark.skipif(not LONG, reason="only `make fuzz` goes on for ten minutes")
def test_damaged_pictures_for_a_long_time(worker: Worker) -> None:
    """Fresh seeds until the time is over."""
    end = time.monotonic() + LONG_S
    first = secrets.randbelow(2**32)
    number = first
    while time.monotonic() < end:
        fuzz(worker, number, 2000)
        number += 1
    print(f"\n{(number - first) * 2000:,} damaged pictures, seeds {first} to {number - 1}")  # noqa: T201  # the result

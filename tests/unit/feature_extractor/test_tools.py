"""The tools behind `graft trunk`: fetching, listing and checking a home's weights, with a network of one array."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import pytest

from feature_extractor.tools.__main__ import main
from feature_extractor.tools.fetch import LOCK_NAME, fetch
from feature_extractor.tools.list import main as list_main
from feature_extractor.tools.verify import verify
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.weights.arrays import ArraySpec, weights_sha256
from feature_extractor.trunks.weights.graphs import find_graph, keep_graph
from feature_extractor.trunks.weights.record import RECORD_NAME, Resolution, TrunkRecord, TrunkRequest
from feature_extractor.trunks.weights.sources import Imagenet, WeightsFile
from feature_extractor.trunks.weights.storage import write_weights
from feature_extractor.trunks.weights.untrained import random_arrays
from graft.errors import DataLossError, FailedPreconditionError, UnavailableError
from graft.owner_lock import OwnerLock

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

SPECS = [ArraySpec("conv2d", "kernel", (1, 1, 3, 2))]


def specs() -> list[ArraySpec]:
    """The arrays of a network of one layer."""
    return SPECS


def resolution(weights: str, sha256: str, asked: str = "") -> Resolution:
    """A trunk on record."""
    identity = TrunkIdentity(sha256, "mixed7", "pil-antialias-299-v1", 299, "float32", "tensorflow")
    return Resolution(TrunkRequest(asked or weights), weights, identity, "because")


def record(home: Path, *resolutions: Resolution) -> None:
    """Put trunks on record."""
    for each in resolutions:
        TrunkRecord(home / "weights" / RECORD_NAME).add(each)


@dataclass
class FakeSources:
    """`imagenet` and `nsfwjs` drawn from seeds and kept as the real ones; `reachable` says which can be fetched."""

    reachable: tuple[str, ...] = ("imagenet", "nsfwjs")
    seed: int = 1
    fetched: list[str] = field(default_factory=list)

    def __call__(self, spec: str) -> Any:
        """As source_of."""
        return FakeSource(spec, self)


@dataclass
class FakeSource:
    """As WeightsSource."""

    spec: str
    sources: FakeSources
    default_layer: str = "avg_pool"

    def arrays(self, folder: Path, specs: Sequence[ArraySpec], recorded: str, stop: threading.Event) -> Any:
        """Kept, or drawn."""

        def draw(specs: Sequence[ArraySpec]) -> Any:
            if self.spec not in self.sources.reachable:
                raise UnavailableError(f"{self.spec} is out of reach", reason="WEIGHTS_UNREACHABLE")
            self.sources.fetched.append(self.spec)
            return random_arrays(specs, self.sources.seed)

        return Imagenet(fetch=draw).arrays(folder, specs, recorded, stop)


def test_weights_are_fetched_once(tmp_path: Path) -> None:
    """The second fetch reads what the first one kept, and both tell the SHA-256 of the values."""
    sources = FakeSources()
    expected = ("imagenet", weights_sha256(random_arrays(SPECS, 1)))
    assert fetch(tmp_path, "imagenet", specs=specs, sources=sources) == expected
    assert fetch(tmp_path, "imagenet", specs=specs, sources=FakeSources(reachable=())) == expected
    assert sources.fetched == ["imagenet"]


def test_auto_falls_back_as_a_start_does(tmp_path: Path) -> None:
    """Without the first choice it is the second one, and nothing is put on record."""
    assert fetch(tmp_path, "auto", specs=specs, sources=FakeSources(reachable=("nsfwjs",)))[0] == "nsfwjs"
    assert not (tmp_path / "weights" / RECORD_NAME).exists()


def test_auto_is_what_the_home_has_on_record(tmp_path: Path) -> None:
    """A home that began with nsfwjs goes on with it, whatever can be reached by now."""
    record(tmp_path, resolution("nsfwjs", weights_sha256(random_arrays(SPECS, 1)), asked="auto"))
    assert fetch(tmp_path, "auto", specs=specs, sources=FakeSources())[0] == "nsfwjs"


def test_weights_other_than_those_on_record_are_refused(tmp_path: Path) -> None:
    """The home's vectors were made with others."""
    record(tmp_path, resolution("imagenet", weights_sha256(random_arrays(SPECS, 1))))
    with pytest.raises(FailedPreconditionError, match="use another home") as caught:
        fetch(tmp_path, "imagenet", specs=specs, sources=FakeSources(seed=2))
    assert caught.value.reason == "WEIGHTS_CHANGED"


def test_two_fetches_exclude_each_other_and_an_extractor_excludes_none(tmp_path: Path) -> None:
    """The message names the process; the extractor's own lock lies elsewhere."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "cache").mkdir()
    extractor = OwnerLock(tmp_path / "cache" / "owner.lock", "CACHE_IN_USE")
    lock = OwnerLock(tmp_path / "weights" / LOCK_NAME, "FETCH_RUNNING")
    with pytest.raises(FailedPreconditionError, match=str(os.getpid())) as caught:
        fetch(tmp_path, "imagenet", specs=specs, sources=FakeSources())
    assert caught.value.reason == "FETCH_RUNNING"
    lock.release()
    assert fetch(tmp_path, "imagenet", specs=specs, sources=FakeSources())[0] == "imagenet"
    extractor.release()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with weights of a file, weights called imagenet and a frozen graph, all of them on record."""
    home = tmp_path / "home"
    folder = home / "weights"
    own = tmp_path / "own.weights.h5"
    write_weights(own, random_arrays(SPECS, 1), SPECS)
    sha256 = weights_sha256(WeightsFile(own).arrays(folder, SPECS, "", None))  # type: ignore[arg-type]  # not used there
    graph = tmp_path / "own.pb"
    graph.write_bytes(b"a graph")
    found = find_graph(graph, folder, "")
    keep_graph(found, folder)
    fetch(home, "imagenet", specs=specs, sources=FakeSources(seed=3))
    record(
        home,
        resolution(str(own), sha256),
        resolution(str(graph), found.sha256),
        resolution("imagenet", weights_sha256(random_arrays(SPECS, 3)), asked="auto"),
    )
    own.unlink()
    graph.unlink()
    return home


def test_a_good_home_is_good(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each file is named with its SHA-256; nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    assert verify(home, specs=specs) == 0
    printed = capsys.readouterr().out
    assert printed.count(": good, SHA-256 ") == 3
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


@pytest.mark.parametrize("start", ["file-", "graph-", "imagenet"])
@pytest.mark.parametrize("harm", ["other", "half", "empty"])
def test_a_wrong_or_half_file_is_named(home: Path, capsys: pytest.CaptureFixture[str], start: str, harm: str) -> None:
    """Other values of the right shape, half a file and no bytes at all are found, and the trunk is called lost."""
    (path,) = (home / "weights").glob(f"{start}*")
    content = path.read_bytes()
    if harm == "other" and path.suffix == ".h5":
        write_weights(path, random_arrays(SPECS, 9), SPECS)
    else:
        path.write_bytes({"other": b"b" + content[1:], "half": content[: len(content) // 2], "empty": b""}[harm])
    assert verify(home, specs=specs) == 2
    complaints = capsys.readouterr().err
    assert f"{path} is WRONG" in complaints
    assert "has LOST its weights" in complaints


def test_a_lost_file_is_told_by_its_trunk(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless the user's own file is there again, which the next start reads."""
    (path,) = (home / "weights").glob("graph-*")
    content = path.read_bytes()
    path.unlink()
    assert verify(home, specs=specs) == 1
    assert "own.pb) has LOST" in capsys.readouterr().err
    (tmp_path / "own.pb").write_bytes(content)
    assert verify(home, specs=specs) == 0
    assert "which is there" in capsys.readouterr().out


def test_weights_that_no_trunk_was_made_of_are_compared_with_what_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fetched ahead of any start: the file itself holds its SHA-256; one of an earlier version is not called good."""
    fetch(tmp_path, "imagenet", specs=specs, sources=FakeSources())
    path = tmp_path / "weights" / "imagenet.weights.h5"
    assert verify(tmp_path, specs=specs) == 0
    assert f"{path}: good" in capsys.readouterr().out
    with h5py.File(path, "r+") as file:
        file["layers/conv2d/vars/0"][0, 0, 0, 0] += 1
    assert verify(tmp_path, specs=specs) == 1
    assert f"{path} is WRONG: its SHA-256 is " in capsys.readouterr().err
    with pytest.raises(DataLossError):
        fetch(tmp_path, "imagenet", specs=specs, sources=FakeSources())
    with h5py.File(path, "r+") as file:
        del file.attrs["sha256"]
    assert verify(tmp_path, specs=specs) == 0
    assert f"{path}: whole, with nothing to compare its SHA-256 with" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("start", "cure"),
    [("file-", "own.weights.h5 back"), ("graph-", "own.pb back"), ("imagenet", "it is brought anew")],
)
def test_the_cure_fits_the_file(home: Path, capsys: pytest.CaptureFixture[str], start: str, cure: str) -> None:
    """What was fetched can be fetched again; the copy of a user's file comes from that file alone."""
    (path,) = (home / "weights").glob(f"{start}*")
    path.write_bytes(b"")
    verify(home, specs=specs)
    (complaint,) = [line for line in capsys.readouterr().err.splitlines() if "is WRONG" in line]
    assert cure in complaint
    assert ("Restore it from a copy" in complaint) == (start != "imagenet")


def test_leftovers_are_told_and_do_no_harm(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a killed writer left has another name, so that no start takes it for weights."""
    left = home / "weights" / ".imagenet.weights.h5.123.tmp"
    left.write_bytes(b"half")
    assert verify(home, specs=specs) == 0
    assert f"{left}: being written, or left behind" in capsys.readouterr().out


def test_a_home_is_listed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and as JSON: trunks with their fingerprints, and files with their sizes."""
    assert list_main(["--home", str(home)]) == 0
    printed = capsys.readouterr().out
    assert list_main(["--home", str(home), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["asked_for"]["weights"] for each in found["trunks"]][2] == "auto"
    assert len(found["files"]) == 3
    for each in found["trunks"]:
        assert each["fingerprint"] in printed
    for each in found["files"]:
        assert each["path"] in printed
        assert each["size_bytes"] == Path(each["path"]).stat().st_size


def test_a_graphs_tensors_are_listed_as_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They tell two trunks of one file apart."""
    asked = TrunkRequest("own.pb", graph_input="bytes:0", graph_output="pool:0")
    record(tmp_path, replace(resolution("own.pb", "ab" * 32), request=asked))
    assert list_main(["--home", str(tmp_path)]) == 0
    assert "own.pb --graph-input bytes:0 --graph-output pool:0" in capsys.readouterr().out


def test_a_damaged_8_bit_network_is_named_and_left_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything else is listed."""
    (home / "weights" / "quantised-0123456789abcdef").mkdir()
    assert list_main(["--home", str(home)]) == 0
    assert "manifest.json is damaged" in capsys.readouterr().err
    assert verify(home, specs=specs) == 1


def test_an_empty_home_has_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And is not made by looking into it."""
    assert main(["list", "--home", str(tmp_path / "none")]) == 0
    assert "no trunk is on record" in capsys.readouterr().out
    assert main(["verify", "--home", str(tmp_path / "none")]) == 0
    assert "keeps no weights" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_an_error_is_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the other commands have it."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / RECORD_NAME).write_text("{")
    assert main(["list", "--home", str(tmp_path)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("graft: ")
    assert complaint.endswith(" [RECORD_UNREADABLE]\n")
    assert main(["nonsense"]) == 2
    assert main([]) == 2


def test_kept_weights_that_changed_since_they_were_recorded_are_not_fetched_over(home: Path) -> None:
    """What is there is read, never replaced: the message says to delete it."""
    kept = home / "weights" / "imagenet.weights.h5"
    write_weights(kept, random_arrays(SPECS, 9), SPECS)
    before = kept.read_bytes()
    with pytest.raises((FailedPreconditionError, DataLossError)):
        fetch(home, "imagenet", specs=specs, sources=FakeSources(seed=3))
    assert kept.read_bytes() == before

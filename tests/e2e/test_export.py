"""A version leaves as a file that a program without Graft loads, and answers there as the services do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from whole_stack import GraftUp

    from graft.client import Client

pytestmark = [pytest.mark.tensorflow, pytest.mark.weights, pytest.mark.timeout(300)]

_PROGRAM = """
import json, pathlib, sys
import tensorflow as tf
graph = tf.Graph()
with graph.as_default():
    tf.graph_util.import_graph_def(
        tf.compat.v1.GraphDef.FromString(pathlib.Path(sys.argv[1]).read_bytes()), name="")
with tf.compat.v1.Session(graph=graph) as session:
    names = [name.decode() for name in session.run("class_names:0")]
    contents = [pathlib.Path(path).read_bytes() for path in sys.argv[2:]]
    found = session.run("probabilities:0", {"picture_bytes:0": contents})
ours = [name for name in sys.modules if name.split(".")[0] in ("graft", "trainer", "classifier")]
print(json.dumps({"names": names, "found": found.tolist(), "ours": ours}))
"""
"""What somebody writes who has the file, TensorFlow, and nothing else."""


def test_an_exported_graph_answers_as_the_services_do(
    stack: GraftUp, trained: Any, client: Client, tmp_path: Path
) -> None:
    """The command writes one file; another program reads the labels in it and names those of the services."""
    file = tmp_path / "textures.pb"
    said = stack.graft("export", "textures@1", "--format", "graphdef", "--to", file)
    assert said["pixels_difference"] <= 1e-4
    assert said["same_labels"] >= said["pictures"] - 1
    pictures = sorted(trained.folder.glob("*/*"))[::12]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM, file, *pictures],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ours"] == []
    assert tuple(told["names"]) == client.version("textures", 1).labels
    served = [each.classification for each in client.classify("textures", pictures)]
    firsts = [told["names"][max(range(len(row)), key=row.__getitem__)] for row in told["found"]]
    same = sum(each is not None and each.best.label == first for each, first in zip(served, firsts, strict=True))
    assert same >= len(pictures) - 1

"""GetTrunkGraph on a real server: its messages, its errors, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from typing import TYPE_CHECKING

import pytest
from fake_extraction import FINGERPRINT
from served_extractor import Served, collect, refusal

from feature_extractor.trunks.graph_export import GraphExporter
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.weights.record import Resolution, TrunkRequest
from graft.channels import open_channel
from graft.errors import FailedPreconditionError, InternalError, UnimplementedError
from graft.serving.testing import serving
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 2**20 * 2 + 17

WRITES = f"""
import hashlib, json, sys
task = json.load(sys.stdin)
content = (task["weights"] + task["layer"]).encode().ljust({SIZE}, b".")
open(task["into"], "wb").write(content)
print(json.dumps(dict(size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), input_tensor="pixels:0",
                      output_tensor="vectors:0", height_px=299, width_px=299, dimensions=4)))
"""
REFUSES = """
import json
print(json.dumps({"code": "FAILED_PRECONDITION", "reason": "WEIGHTS_CHANGED", "message": "they are others"}))
"""
BREAKS = "import sys; sys.exit('no memory')"


def resolution(engine: str = "tensorflow", precision: str = "bfloat16") -> Resolution:
    """A trunk on record."""
    identity = TrunkIdentity("ab" * 32, "mixed7", "pil-antialias-299-v1", 299, precision, engine)
    return Resolution(TrunkRequest("random:1"), "random:1", identity, "asked for")


def exporter(home: Path, program: str, **kind: str) -> GraphExporter:
    """An exporter whose process runs this program."""
    return GraphExporter(home, resolution(**kind), [sys.executable, "-c", program])


async def answered(graphs: GraphExporter) -> list[pb.GetTrunkGraphResponse]:
    """What a server over it answers."""
    served = Served()
    served.graphs = graphs
    async with serving(served.register) as address, open_channel(address, retries=False) as channel:
        stub = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel)
        return await collect(stub.GetTrunkGraph(pb.GetTrunkGraphRequest()))


async def refused(graphs: GraphExporter | None) -> Exception:
    """The error that it answers with."""
    served = Served()
    served.graphs = graphs
    async with serving(served.register) as address, open_channel(address, retries=False) as channel:
        stub = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel)
        return await refusal(stub.GetTrunkGraph(pb.GetTrunkGraphRequest()))


async def test_the_description_comes_first_then_the_bytes_it_describes(tmp_path: Path) -> None:
    """Size and SHA-256 of the chunks together are those of the first message, and the file is gone afterwards."""
    first, *rest = await answered(exporter(tmp_path, WRITES))
    content = b"".join(message.chunk for message in rest)
    assert content.startswith(b"random:1mixed7...")
    assert max(len(message.chunk) for message in rest) <= 2**20
    assert (first.graph.size_bytes, first.graph.sha256) == (SIZE, hashlib.sha256(content).digest())
    assert (first.graph.fingerprint, first.graph.precision) == (FINGERPRINT, "float32")
    assert (first.graph.input_tensor, first.graph.output_tensor) == ("pixels:0", "vectors:0")
    assert (first.graph.input_height_px, first.graph.input_width_px, first.graph.dimensions) == (299, 299, 4)
    assert list((tmp_path / "weights" / "exporting").iterdir()) == []


async def test_what_the_process_refuses_reaches_the_caller(tmp_path: Path) -> None:
    """A reason that the process prints is the call's."""
    error = await refused(exporter(tmp_path, REFUSES))
    assert isinstance(error, FailedPreconditionError)
    assert (error.reason, error.message) == ("WEIGHTS_CHANGED", "they are others")


async def test_a_process_that_breaks_is_told(tmp_path: Path) -> None:
    """Its last words are in the message, and its folder is removed."""
    error = await refused(exporter(tmp_path, BREAKS))
    assert isinstance(error, InternalError)
    assert error.reason == "GRAPH_EXPORT_FAILED"
    assert "no memory" in error.message
    assert list((tmp_path / "weights" / "exporting").iterdir()) == []


@pytest.mark.parametrize(("engine", "precision"), [("openvino", "int8"), ("jax", "float32")])
async def test_other_engines_are_refused_with_what_to_do(tmp_path: Path, engine: str, precision: str) -> None:
    """No process is started for a trunk that is no network of TensorFlow's."""
    error = await refused(exporter(tmp_path, BREAKS, engine=engine, precision=precision))
    assert isinstance(error, FailedPreconditionError)
    assert error.reason == "TRUNK_NOT_EXPORTABLE"
    assert engine in error.message
    assert "--weights random:1 --precision float32 --engine tensorflow" in error.message


async def test_an_extractor_without_an_exporter_says_so() -> None:
    """It does not end in an internal error."""
    assert isinstance(await refused(None), UnimplementedError)


async def test_a_caller_that_goes_away_ends_the_process(tmp_path: Path) -> None:
    """The process is killed, and the folder removed, before the wait for it ends."""
    started = tmp_path / "started"
    os.mkfifo(started)
    program = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    graphs = exporter(tmp_path, program)

    async def wait() -> None:
        async with graphs.made():
            raise AssertionError("it never ends")

    waiting = asyncio.ensure_future(wait())
    process = int(await asyncio.to_thread(started.read_text))  # waits for its writer
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert list((tmp_path / "weights" / "exporting").iterdir()) == []


def test_what_a_killed_extractor_left_is_removed(tmp_path: Path) -> None:
    """A new exporter begins with an empty folder."""
    (tmp_path / "weights" / "exporting" / "graph-x").mkdir(parents=True)
    exporter(tmp_path, WRITES)
    assert not (tmp_path / "weights" / "exporting").exists()

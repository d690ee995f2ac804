"""ExportVersion on a real server, over an exporter that does as it is told."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from graft import statuses
from graft.channels import open_channel
from graft.serving.testing import serving
from graft.v1 import trainer_pb2 as pb
from graft.v1 import trainer_pb2_grpc
from trainer.export.comparing import Comparison
from trainer.export.records import Export, Order, files_in
from trainer.export.task import ExportFormat
from trainer.jobs.analyses import Analyses
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.slot import Slot
from trainer.service.exports import ExportMethods

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CONTENTS = {"assets/labels.txt": b"a\nb\n", "empty": b"", "model.pb": bytes(range(256)) * 2**13}


class FakeExporter:
    """Writes three files; remembers orders and folders."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.orders: list[Order] = []
        self.folders: list[Path] = []

    def export(self, order: Order, report: Callable[[Progress], None]) -> Export:
        """Report, write, return."""
        self.orders.append(order)
        report(Progress(Phase.LOADING, 1, 2))
        folder = tempfile.TemporaryDirectory()
        self.folders.append(Path(folder.name))
        for name, content in CONTENTS.items():
            path = Path(folder.name) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        files = tuple(files_in(Path(folder.name)))
        return Export(folder, files, b"f" * 16, ("a", "b"), ("unknown.x",), "faces", self.comparison)


@pytest.fixture
def exporter() -> FakeExporter:
    """One whose comparison has all numbers."""
    return FakeExporter(Comparison(50, 1e-6, 2e-3, "bfloat16", 49, 3e-2))


@pytest.fixture
async def stub(exporter: FakeExporter) -> AsyncIterator[Any]:
    """Of a trainer that only exports."""
    service: Any = ExportMethods(exporter=exporter, analyses=Analyses(Slot()))  # type: ignore[abstract, arg-type]

    def register(handlers: grpc.aio.Server) -> None:
        trainer_pb2_grpc.add_TrainerServiceServicer_to_server(service, handlers)

    async with serving(register) as address, open_channel(address, retries=False) as channel:
        yield trainer_pb2_grpc.TrainerServiceStub(channel)


async def export(stub: Any, **request: Any) -> list[pb.ExportVersionResponse]:
    """All messages of a call."""
    return [each async for each in stub.ExportVersion(pb.ExportVersionRequest(**request))]


async def test_progress_comes_first_then_what_was_compared_then_the_files(stub: Any, exporter: FakeExporter) -> None:
    """The chunks are the files' bytes in the order announced, none of them of two files, and the folder is removed."""
    first, second, *rest = await export(
        stub, classifier="faces", version=3, format=pb.EXPORT_FORMAT_SAVED_MODEL, dataset="others"
    )
    assert exporter.orders == [Order("faces", 3, ExportFormat.SAVED_MODEL, "others")]
    assert (first.progress.phase, first.progress.done, first.progress.total) == ("loading", 1, 2)
    network = second.network
    assert [each.path for each in network.files] == list(CONTENTS)
    chunks = [message.chunk for message in rest]
    assert max(map(len, chunks)) <= 2**20
    for announced in network.files:
        content = b""
        while len(content) < announced.size_bytes:
            content += chunks.pop(0)
        assert (len(content), hashlib.sha256(content).digest()) == (announced.size_bytes, announced.sha256)
        assert content == CONTENTS[announced.path]
    assert not chunks
    assert not exporter.folders[0].exists()


async def test_what_was_compared_is_told(stub: Any) -> None:
    """Every number of the comparison, the labels, and what is left out."""
    network = (await export(stub, classifier="faces", version=3, format=pb.EXPORT_FORMAT_GRAPH_DEF))[1].network
    assert (network.pictures, network.same_labels, network.dataset) == (50, 49, "faces")
    assert (network.pixels_difference, network.service_difference, network.bytes_difference) == (1e-6, 2e-3, 3e-2)
    assert (network.service_precision, network.fingerprint) == ("bfloat16", b"f" * 16)
    assert (list(network.labels), list(network.left_out_tensors)) == (["a", "b"], ["unknown.x"])


async def test_what_was_not_compared_is_unset(stub: Any, exporter: FakeExporter) -> None:
    """A format of pixels alone has nothing to tell of bytes."""
    exporter.comparison = Comparison(50, 1e-6, None, "float32", None, None)
    network = (await export(stub, classifier="faces", version=3, format=pb.EXPORT_FORMAT_ONNX))[1].network
    assert not any(network.HasField(field) for field in ("service_difference", "same_labels", "bytes_difference"))


@pytest.mark.parametrize("number", [0, 99])
async def test_a_format_must_be_named(stub: Any, exporter: FakeExporter, number: int) -> None:
    """Neither none nor one of a newer version."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await export(stub, classifier="faces", version=3, format=number)
    assert statuses.from_rpc_error(error.value).reason == "INVALID_EXPORT_FORMAT"
    assert not exporter.orders


async def test_a_caller_that_goes_away_leaves_no_folder(stub: Any, exporter: FakeExporter) -> None:
    """Also between two chunks."""
    call = stub.ExportVersion(pb.ExportVersionRequest(classifier="f", version=1, format=pb.EXPORT_FORMAT_TFLITE))
    async for message in call:
        if message.WhichOneof("step") == "chunk":
            call.cancel()
            break
    again = await export(stub, classifier="f", version=1, format=pb.EXPORT_FORMAT_TFLITE)
    assert again[1].network.files
    assert not any(folder.exists() for folder in exporter.folders)

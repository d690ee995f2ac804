"""An export on its way to its place, without a server: the steps are given the trainer's messages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import Exported, ExportFormat, Progress
from graft.client.effects import Emit, Open, Receive, Run
from graft.client.exporting import export
from graft.errors import DataLossError, FailedPreconditionError, UnavailableError
from graft.v1 import trainer_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SAVED_MODEL = {"assets/labels.txt": b"a\nb\n", "saved_model.pb": b"model" * 100, "variables/index": b""}
ONNX = {"labels.txt": b"a\nb\n", "model.onnx": b"model" * 100}
PROGRESS = pb.ExportVersionResponse(progress=pb.TrainingProgress(phase="building"))


def network(contents: dict[str, bytes]) -> pb.ExportVersionResponse:
    """What announces these files."""
    files = [
        pb.ExportedFile(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).digest())
        for path, content in contents.items()
    ]
    told = pb.ExportedNetwork(files=files, labels=["a", "b"], pictures=50, pixels_difference=1e-6, same_labels=49)
    return pb.ExportVersionResponse(network=told)


def chunks(contents: dict[str, bytes], size: int = 64) -> list[pb.ExportVersionResponse]:
    """Their bytes in small pieces."""
    return [
        pb.ExportVersionResponse(chunk=content[start : start + size])
        for content in contents.values()
        for start in range(0, len(content), size)
    ]


def drive(responses: Sequence[Any], to: Path, kind: str, *, force: bool = False) -> tuple[list[Any], list[Any]]:
    """What the steps emit, and the requests they make."""
    left, emitted, requests, answer = list(responses), [], [], None
    steps = export("faces", 3, kind, to, "", force=force)
    try:
        while True:
            match steps.send(answer):
                case Emit(value=value):
                    emitted.append(value)
                    answer = None
                case Open(request=request):
                    requests.append(request)
                    answer = None
                case Receive():
                    answer = left.pop(0) if left else None
                case Run(function=function):
                    answer = function()
    except StopIteration:
        return emitted, requests


def test_a_saved_model_comes_as_a_directory(tmp_path: Path) -> None:
    """Progress is passed on, files are byte for byte what was sent, and the outcome tells what was compared."""
    to = tmp_path / "faces.savedmodel"
    messages = [PROGRESS, network(SAVED_MODEL), *chunks(SAVED_MODEL)]
    (progress, exported), (request,) = drive(messages, to, "savedmodel")
    assert isinstance(progress, Progress)
    assert isinstance(exported, Exported)
    assert (request.classifier, request.version, request.format) == ("faces", 3, pb.EXPORT_FORMAT_SAVED_MODEL)
    assert {str(each.relative_to(to)): each.read_bytes() for each in to.rglob("*") if each.is_file()} == SAVED_MODEL
    assert (exported.path, exported.labels_path, exported.format) == (to, None, ExportFormat.SAVEDMODEL)
    assert (exported.size_bytes, exported.pictures, exported.same_labels) == (504, 50, 49)
    assert (exported.service_difference, exported.bytes_difference) == (None, None)
    assert list(tmp_path.iterdir()) == [to]


def test_a_file_has_its_labels_beside_it(tmp_path: Path) -> None:
    """Under its own name, so that two exports in a folder keep theirs."""
    (_, exported), _ = drive([PROGRESS, network(ONNX), *chunks(ONNX)], tmp_path / "faces.onnx", "onnx")
    assert exported.labels_path == tmp_path / "faces.labels.txt"
    assert (tmp_path / "faces.onnx").read_bytes() == ONNX["model.onnx"]
    assert (tmp_path / "faces.labels.txt").read_bytes() == ONNX["labels.txt"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", ["faces.onnx", "faces.labels.txt"])
def test_what_is_there_is_kept_and_nothing_is_asked(tmp_path: Path, name: str) -> None:
    """The trainer would have worked for a minute in vain."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(FailedPreconditionError, match="--force") as error:
        drive([], tmp_path / "faces.onnx", "onnx")
    assert error.value.reason == "FILE_EXISTS"
    assert (tmp_path / name).read_text() == "mine"


def test_force_replaces_files_and_saved_models(tmp_path: Path) -> None:
    """Whole: nothing of the old one stays."""
    old = tmp_path / "faces.savedmodel"
    old.mkdir()
    (old / "saved_model.pb").write_text("old")
    (old / "more").write_text("old")
    drive([network(SAVED_MODEL), *chunks(SAVED_MODEL)], old, "savedmodel", force=True)
    assert not (old / "more").exists()
    assert (old / "saved_model.pb").read_bytes() == SAVED_MODEL["saved_model.pb"]
    (tmp_path / "faces.onnx").write_text("old")
    drive([network(ONNX), *chunks(ONNX)], tmp_path / "faces.onnx", "onnx", force=True)
    assert (tmp_path / "faces.onnx").read_bytes() == ONNX["model.onnx"]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("kind", ["savedmodel", "onnx"])
def test_force_replaces_no_other_directory(tmp_path: Path, kind: str) -> None:
    """Somebody's folder is not an older export."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").write_text("mine")
    with pytest.raises(FailedPreconditionError) as error:
        drive([], tmp_path / "home", kind, force=True)
    assert error.value.reason == "FILE_EXISTS"
    assert (tmp_path / "home" / "letters").read_text() == "mine"


LOST = chunks(ONNX)


@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        ([network(ONNX), *LOST[:-1]], DataLossError),
        ([network(ONNX), *LOST, LOST[0]], DataLossError),
        ([network(ONNX), *LOST[:-1], pb.ExportVersionResponse(chunk=b"x" * len(LOST[-1].chunk))], DataLossError),
        ([network({"../faces": b"x"}), *chunks({"../faces": b"x"})], DataLossError),
        ([network({"/faces": b"x"})], DataLossError),
        ([PROGRESS], UnavailableError),
    ],
    ids=["too few", "too many", "others", "outside", "absolute", "none"],
)
def test_what_does_not_arrive_as_announced_leaves_nothing(
    tmp_path: Path, messages: list[Any], kind: type[Exception]
) -> None:
    """Neither under its name nor under a temporary one; what was there stays."""
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "faces.onnx").write_text("old")
    with pytest.raises(kind):
        drive(messages, folder / "faces.onnx", "onnx", force=True)
    assert [each.name for each in folder.iterdir()] == ["faces.onnx"]
    assert (folder / "faces.onnx").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["exports"]


async def test_both_clients_export(client: Any, aclient: Any, tmp_path: Path) -> None:
    """The same steps, over a blocking and an asyncio channel."""
    *_, one = client.export("faces", 3, "onnx", tmp_path / "one.onnx")
    other = [step async for step in aclient.export("faces", 3, "onnx", tmp_path / "other.onnx", dataset="d")][-1]
    assert one.path.read_bytes() == other.path.read_bytes() == b"network" * 100
    assert (one.pictures, other.bytes_difference) == (50, 2.5e-2)

"""The steps of an export: progress, then files written under a temporary name, then their names, then the outcome."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graft.client import wire_records
from graft.client.effects import Emit, Method, Open, Receive, Run
from graft.client.export_records import Exported, ExportFormat
from graft.client.export_target import AnnouncedFile, ExportTarget
from graft.client.failures import ended_early
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    import os

    from graft.client.effects import Steps
    from graft.client.job_records import Progress

_WIRE: Final = {
    ExportFormat.SAVEDMODEL: trainer_pb2.EXPORT_FORMAT_SAVED_MODEL,
    ExportFormat.GRAPHDEF: trainer_pb2.EXPORT_FORMAT_GRAPH_DEF,
    ExportFormat.TFLITE: trainer_pb2.EXPORT_FORMAT_TFLITE,
    ExportFormat.ONNX: trainer_pb2.EXPORT_FORMAT_ONNX,
}


def export(
    classifier: str, version: int, kind: str, to: str | os.PathLike[str], dataset: str, *, force: bool
) -> Steps[Progress | Exported]:
    """Emit how far the export is, then what it is, once it is in its place.

    Raises:
        FailedPreconditionError: FILE_EXISTS, before anything is asked for.
        DataLossError: EXPORT_DAMAGED, something was lost on the way.
    """
    wanted = ExportFormat(kind)
    target = ExportTarget(Path(to), wanted, force=force)
    network: Any = None
    request = trainer_pb2.ExportVersionRequest(
        classifier=classifier, version=version, format=_WIRE[wanted], dataset=dataset
    )
    try:
        yield Run(target.check)
        yield Open(Method("TrainerService", "ExportVersion"), request)
        while (response := (yield Receive())) is not None:
            match response.WhichOneof("step"):
                case "progress":
                    yield Emit(wire_records.progress(response.progress))
                case "network":
                    network = response.network
                    files = [AnnouncedFile(each.path, each.size_bytes, each.sha256) for each in network.files]
                    yield Run(partial(target.begin, files))
                case "chunk":
                    yield Run(partial(target.write, response.chunk))
        if network is None:
            raise ended_early()
        yield Run(target.place)
        yield Emit(_exported(network, target, wanted))
    finally:
        target.discard()


def _exported(network: trainer_pb2.ExportedNetwork, target: ExportTarget, kind: ExportFormat) -> Exported:
    def measured(field: Any) -> Any:
        return getattr(network, field) if network.HasField(field) else None

    return Exported(
        path=target.path,
        labels_path=target.labels_path,
        format=kind,
        size_bytes=sum(each.size_bytes for each in network.files),
        fingerprint=network.fingerprint,
        labels=tuple(network.labels),
        left_out_tensors=tuple(network.left_out_tensors),
        dataset=network.dataset,
        pictures=network.pictures,
        pixels_difference=network.pixels_difference,
        service_difference=measured("service_difference"),
        service_precision=network.service_precision,
        same_labels=measured("same_labels"),
        bytes_difference=measured("bytes_difference"),
    )

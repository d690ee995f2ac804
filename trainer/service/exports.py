"""The method that exports a version."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from graft.v1 import trainer_pb2 as pb
from trainer.export.records import Export, Order
from trainer.export.task import ExportFormat, format_of
from trainer.service.analyses import AnalysisMethods
from trainer.service.job_messages import progress_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trainer.export.exporting import Exporter

    Context = Any

_CHUNK_BYTES: Final = 2**20
_FORMATS: Final = {pb.ExportFormat.Value(f"EXPORT_FORMAT_{each.name}"): each for each in ExportFormat}


class ExportMethods(AnalysisMethods):
    """Exports on the wire.

    Args:
        exporter: makes them.
    """

    def __init__(self, exporter: Exporter, **others: Any) -> None:
        super().__init__(**others)
        self._exporter = exporter

    async def ExportVersion(
        self, request: pb.ExportVersionRequest, context: Context
    ) -> AsyncIterator[pb.ExportVersionResponse]:
        """Make an export in turn with jobs; then stream its files, when others may have their turn."""
        order = Order(request.classifier, request.version, format_of(_FORMATS.get(request.format, "")), request.dataset)
        export: Export | None = None
        try:
            async with aclosing(self._analyses.run(partial(self._exporter.export, order))) as steps:
                async for step in steps:
                    if isinstance(step, Export):
                        export = step
                        yield pb.ExportVersionResponse(network=network_message(step))
                    else:
                        yield pb.ExportVersionResponse(progress=progress_message(step))
            for each in export.files if export else ():
                with each.path.open("rb") as file:
                    while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                        yield pb.ExportVersionResponse(chunk=chunk)
        finally:
            if export:
                await asyncio.to_thread(export.folder.cleanup)


def network_message(export: Export) -> pb.ExportedNetwork:
    """What was made and compared."""
    compared = export.comparison
    return pb.ExportedNetwork(
        files=[
            pb.ExportedFile(path=each.name, size_bytes=each.size_bytes, sha256=each.sha256) for each in export.files
        ],
        fingerprint=export.fingerprint,
        labels=export.labels,
        left_out_tensors=export.left_out,
        dataset=export.dataset,
        pictures=compared.pictures,
        pixels_difference=compared.pixels_difference,
        service_difference=compared.service_difference,
        service_precision=compared.service_precision,
        same_labels=compared.same_labels,
        bytes_difference=compared.bytes_difference,
    )

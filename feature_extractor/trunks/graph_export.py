"""The trunk's float32 graph for export: made by a process of its own into a file, so that serving goes on meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, create_subprocess_exec
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from feature_extractor.trunks.engines.choice import TENSORFLOW
from feature_extractor.trunks.loading import is_graph
from graft.errors import (
    DataLossError,
    FailedPreconditionError,
    GraftError,
    InternalError,
    InvalidArgumentError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from feature_extractor.trunks.weights.record import Resolution

_PROGRAM: Final = (sys.executable, "-m", "feature_extractor.trunks.graph_export_process")
_GRAPH_FILE: Final = "graph.pb"
_LAST_LINES: Final = 3
_ERRORS: Final[dict[str, type[GraftError]]] = {
    kind.code.name: kind for kind in (FailedPreconditionError, DataLossError, InvalidArgumentError, UnavailableError)
}


@dataclass(frozen=True, slots=True)
class ExportedGraph:
    """A frozen graph in a file.

    Attributes:
        path: the serialised GraphDef.
        size_bytes: of the file.
        sha256: of the file, 32 bytes.
        input_tensor: takes float32[n, height_px, width_px, 3], RGB, 0 to 255.
        output_tensor: gives float32[n, dimensions].
        height_px: of the pictures it takes.
        width_px: of the pictures it takes.
        dimensions: length of a vector.
    """

    path: Path
    size_bytes: int
    sha256: bytes
    input_tensor: str
    output_tensor: str
    height_px: int
    width_px: int
    dimensions: int


class GraphExporter:
    """Makes the graph of a trunk, for one caller at a time, others wait; the file is there for as long as it is read.

    Args:
        home: of the extractor, which owns it: what a killed process left in HOME/weights/exporting is removed.
        resolution: the trunk that serves.
        program: what makes a graph; it reads a JSON object from its standard input and prints one.
    """

    def __init__(self, home: Path, resolution: Resolution, program: Sequence[str] = _PROGRAM) -> None:
        self._home = home
        self._resolution = resolution
        self._program = program
        self._folder = home / "weights" / "exporting"
        self._turn = asyncio.Lock()
        shutil.rmtree(self._folder, ignore_errors=True)

    @asynccontextmanager
    async def made(self) -> AsyncIterator[ExportedGraph]:
        """Make the graph and yield it; its file is removed at the end.

        Raises:
            FailedPreconditionError: TRUNK_NOT_EXPORTABLE, WEIGHTS_CHANGED, WEIGHTS_MISSING.
            DataLossError: WEIGHTS_DAMAGED.
            InternalError: GRAPH_EXPORT_FAILED.
        """
        check_exportable(self._resolution)
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="graph-", dir=self._folder))
        try:
            async with self._turn:
                facts = await self._run(folder / _GRAPH_FILE)
            yield ExportedGraph(path=folder / _GRAPH_FILE, **{**facts, "sha256": bytes.fromhex(facts["sha256"])})
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _run(self, into: Path) -> dict[str, Any]:
        """What the process tells of the file it has written."""
        task = {
            "home": str(self._home),
            "weights": self._resolution.weights,
            "layer": self._resolution.identity.layer,
            "sha256": self._resolution.identity.weights_sha256,
            "graph_input": self._resolution.request.graph_input,
            "graph_output": self._resolution.request.graph_output,
            "into": str(into),
        }
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        child = await create_subprocess_exec(
            *self._program, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
        )
        try:
            printed, said = await child.communicate(json.dumps(task).encode())
        finally:
            if child.returncode is None:  # the caller went away
                child.kill()
                await asyncio.shield(child.wait())
        try:
            answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
        except (IndexError, ValueError):
            lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()][-_LAST_LINES:]
            raise InternalError(
                f"the process that makes the trunk's graph ended with {child.returncode}: {'; '.join(lines)}",
                reason="GRAPH_EXPORT_FAILED",
            ) from None
        if "reason" in answer:
            raise _ERRORS.get(answer["code"], InternalError)(answer["message"], reason=answer["reason"])
        return answer


def check_exportable(resolution: Resolution) -> None:
    """Refuse a trunk that TensorFlow does not run in float32 or bfloat16.

    Raises:
        FailedPreconditionError: TRUNK_NOT_EXPORTABLE.
    """
    identity = resolution.identity
    if identity.engine == TENSORFLOW:
        return
    what = f"the trunk serves in {identity.precision} on {identity.engine}"
    how = "--precision float32 --engine tensorflow"
    kind = "a frozen graph" if is_graph(resolution.weights) else f"--weights {resolution.weights}"
    raise FailedPreconditionError(
        f"{what}, and what can be exported is TensorFlow's; a head fits the vectors of its own trunk alone. "
        f"Start a home of its own with {kind} {how}, import and train there, and export from there",
        reason="TRUNK_NOT_EXPORTABLE",
    )

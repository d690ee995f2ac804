"""Exports a version: fetches its trunk, has the network built and loaded back, and compares it with the services."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from graft.errors import FailedPreconditionError, NotFoundError
from trainer.export.children import run_child
from trainer.export.comparing import Comparison, compare
from trainer.export.head import ExportedHead
from trainer.export.pictures import candidates
from trainer.export.records import Export, files_in
from trainer.export.running import load_back
from trainer.export.task import ExportFormat, ExportTask
from trainer.jobs.progress import Phase, Progress
from trainer.registry import heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trainer.catalog.examples import Example
    from trainer.export.records import Order
    from trainer.export.task import TrunkFacts
    from trainer.fitting.batches import FloatArray
    from trainer.registry.registry import Registry

PICTURES: Final = 50
"""Pictures that are compared, at most."""

_ASKED_PREVIEWS: Final = 200


class TrunkSource(Protocol):
    """Whoever serves the trunk. `alive` is called about once a second; what it raises ends the wait."""

    def fingerprint(self) -> bytes:
        """Return the 16 bytes of the trunk that serves."""
        ...

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """Return the previews that are kept of these pictures, in their order."""
        ...

    def graph(self, into: Path, alive: Callable[[int, int], None]) -> TrunkFacts:
        """Write the frozen graph into a file and return what it is; `alive` is told the bytes so far and of all."""
        ...

    def vectors(self, contents: Sequence[bytes], alive: Callable[[], None]) -> FloatArray:
        """Return what the service makes of pictures: float32[n, dimensions]."""
        ...


class Examples(Protocol):
    """The examples of datasets."""

    def all_examples(self, dataset: str) -> Iterable[Example]:
        """Return every example of a dataset, or raise NotFoundError (DATASET_NOT_FOUND)."""
        ...


class Exporter:
    """Makes exports; each is a call in a worker thread.

    Args:
        registry: the heads.
        examples: of all datasets.
        trunk: the extractor.
        folder: to work in; what a killed trainer left there is removed.
        threads: processor cores to use; 0 is all.
        installed: tells whether a package is installed.
    """

    def __init__(
        self,
        registry: Registry,
        examples: Examples,
        trunk: TrunkSource,
        folder: Path,
        threads: int,
        installed: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None,
    ) -> None:
        self._registry, self._examples, self._trunk = registry, examples, trunk
        self._folder, self._threads, self._installed = folder, threads, installed
        shutil.rmtree(folder, ignore_errors=True)

    def export(self, order: Order, report: Callable[[Progress], None]) -> Export:
        """Make an export.

        Args:
            order: of what.
            report: told how far it is, twice a second; what it raises ends the work.

        Raises:
            NotFoundError: VERSION_NOT_FOUND, DATASET_NOT_FOUND.
            DataLossError: HEAD_DAMAGED.
            FailedPreconditionError: EXPORT_TOOLS_MISSING, EXPORT_OPERATION_UNSUPPORTED, EXPORT_PICTURES_MISSING,
                EXPORT_DIFFERS, FINGERPRINT_MISMATCH, and those of the extractor.
            InternalError: EXPORT_FAILED.
            UnavailableError: EXTRACTOR_UNAVAILABLE.
        """
        self._check_tools(order.format)
        head = ExportedHead.of(self._registry, order.classifier, order.version)
        head.check_fingerprint(self._trunk.fingerprint())
        dataset = order.dataset or head.dataset
        pictures = self._pictures(dataset, named=bool(order.dataset))
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f"{order.classifier}-", dir=self._folder)
        try:
            task = self._build(order, head, pictures, Path(folder.name), report)
            comparison = self._compare(task, head, pictures, report)
            files = tuple(files_in(task.out))
        except BaseException:
            folder.cleanup()  # now: an error that is kept for a while would keep it too
            raise
        return Export(folder, files, head.fingerprint, head.labels, head.left_out, dataset, comparison)

    def _check_tools(self, wanted: ExportFormat) -> None:
        missing = [name for name in ("onnx", "onnxruntime") if not self._installed(name)]
        if wanted is ExportFormat.ONNX and missing:
            raise FailedPreconditionError(
                f"to export ONNX, the trainer needs {' and '.join(missing)}: pip install 'graft[onnx]' where it runs",
                reason="EXPORT_TOOLS_MISSING",
            )

    def _pictures(self, dataset: str, *, named: bool) -> list[bytes]:
        """Previews of up to 50 pictures."""
        try:
            wanted = candidates(self._examples.all_examples(dataset))
        except NotFoundError:
            if named:
                raise
            wanted = []
        found = self._trunk.previews(wanted[:_ASKED_PREVIEWS])[:PICTURES]
        if not found:
            raise FailedPreconditionError(
                f"there are no previews of the pictures of dataset {dataset!r} to compare the network on: import them "
                "again, or name another dataset",
                reason="EXPORT_PICTURES_MISSING",
            )
        return found

    def _build(
        self,
        order: Order,
        head: ExportedHead,
        pictures: Sequence[bytes],
        folder: Path,
        report: Callable[[Progress], None],
    ) -> ExportTask:
        """Lay out a folder and have the network built in it."""

        def loaded(done: int, total: int) -> None:
            report(Progress(Phase.LOADING, done // 1024, total // 1024))

        graph = folder / "trunk.pb"
        facts = self._trunk.graph(graph, loaded)
        head.check_fingerprint(bytes.fromhex(facts.fingerprint))
        task = ExportTask(
            folder=folder,
            format=order.format,
            classifier=order.classifier,
            version=order.version,
            labels=head.labels,
            activations=tuple(layer.activation for layer in head.network.layers),
            trunk=facts,
            threads=self._threads,
        )
        task.write_head(head.network)
        task.pictures.mkdir()
        for place, content in enumerate(pictures):
            (task.pictures / f"{place:03}").write_bytes(content)
        report(Progress(Phase.BUILDING))
        run_child(
            [sys.executable, "-m", "trainer.export.building"],
            task.to_json(),
            log=folder / "building.log",
            threads=self._threads,
            alive=lambda: report(Progress(Phase.BUILDING)),
        )
        return task

    def _compare(
        self, task: ExportTask, head: ExportedHead, pictures: Sequence[bytes], report: Callable[[Progress], None]
    ) -> Comparison:
        """Run the file without Graft and the services with the same pictures."""

        def alive() -> None:
            report(Progress(Phase.COMPARING))

        alive()
        answers = load_back(task, alive)
        of_service = heads.predict(head.network, self._trunk.vectors(pictures, alive))
        of_pixels = None
        if task.trunk.preprocessing.startswith("pil-"):  # a frozen graph decodes by itself, and not every one PNG
            exact = [path.read_bytes() for path in sorted(task.pixels.iterdir())]
            of_pixels = heads.predict(head.network, self._trunk.vectors(exact, alive))
        return compare(
            file_pixels=answers["pixels"],
            reference=heads.predict(head.network, np.load(task.vectors_file)),
            service_pixels=of_pixels,
            service_precision=task.trunk.service_precision,
            file_bytes=answers.get("bytes"),
            service_bytes=of_service,
        )

"""What the asyncio client does to whole datasets: corrects labels, and writes manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft.client import corrections, flows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from graft.client.asynchronous import AsyncRunner
    from graft.client.corrections import Corrected


class AsyncCorrectionMethods:
    """The methods that correct datasets; a base of AsyncClient, which is what to use."""

    _runner: AsyncRunner

    async def relabel(self, dataset: str, digests: Iterable[bytes], label: str, *, from_label: str = "") -> Corrected:
        """Give pictures a label, in the place of all they had or of `from_label` alone; their parts stay."""
        return await self._runner.run(corrections.relabel(dataset, digests, label, from_label))

    async def merge_labels(self, dataset: str, labels: Iterable[str], into: str) -> Corrected:
        """Give all examples of some labels one label, old or new; a single label is renamed by it."""
        return await self._runner.call(corrections.merge_labels(dataset, labels, into))

    async def remove_labels(self, dataset: str, labels: Iterable[str]) -> int:
        """Remove all examples of some labels; return how many there were."""
        return await self._runner.call(corrections.remove_labels(dataset, labels))

    async def export_manifest(self, dataset: str, file: str | os.PathLike[str]) -> int:
        """Write a dataset to a `.csv` or `.jsonl` file, and return its examples; `import_examples` takes a Manifest.

        Raises:
            InvalidArgumentError: INVALID_MANIFEST, the file's name ends in neither.
            OSError: it cannot be written; what had its name is as it was.
        """
        return await self._runner.run(flows.export_manifest(dataset, file))

"""The methods about classifiers, their versions and aliases, and the hand-out of heads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from graft.v1 import trainer_pb2 as pb
from graft.v1 import trainer_pb2_grpc as pb_grpc
from trainer.service.messages import aliased_head, classifier_message, version_message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trainer.registry.registry import Registry

    Context = Any

_CHUNK_BYTES: Final = 1024 * 1024


class RegistryMethods(pb_grpc.TrainerServiceServicer):
    """Classifiers on the wire.

    Args:
        registry: the versions and their files.
    """

    def __init__(self, registry: Registry, **others: Any) -> None:
        super().__init__(**others)
        self._registry = registry

    async def GetClassifier(self, request: pb.GetClassifierRequest, context: Context) -> pb.GetClassifierResponse:
        """Tell what a classifier has."""
        classifier = await asyncio.to_thread(self._registry.get_classifier, request.name)
        return pb.GetClassifierResponse(classifier=classifier_message(classifier))

    async def ListClassifiers(self, request: pb.ListClassifiersRequest, context: Context) -> pb.ListClassifiersResponse:
        """List classifiers by name."""
        page = await asyncio.to_thread(self._registry.list_classifiers, request.page_size, request.page_token)
        return pb.ListClassifiersResponse(
            classifiers=[classifier_message(each) for each in page.items], next_page_token=page.next_token
        )

    async def GetVersion(self, request: pb.GetVersionRequest, context: Context) -> pb.GetVersionResponse:
        """Tell how a version was trained and how well it does."""
        version = await asyncio.to_thread(self._registry.get_version, request.classifier, request.version)
        return pb.GetVersionResponse(version=version_message(version, details=True))

    async def ListVersions(self, request: pb.ListVersionsRequest, context: Context) -> pb.ListVersionsResponse:
        """List versions, the newest first."""
        page = await asyncio.to_thread(
            self._registry.list_versions, request.classifier, request.page_size, request.page_token
        )
        return pb.ListVersionsResponse(
            versions=[version_message(each, details=False) for each in page.items],
            next_page_token=page.next_token,
        )

    async def SetAlias(self, request: pb.SetAliasRequest, context: Context) -> pb.SetAliasResponse:
        """Point an alias at a version."""
        expected = request.expected_version if request.HasField("expected_version") else None
        classifier = await asyncio.to_thread(
            self._registry.set_alias, request.classifier, request.alias, request.version, expected
        )
        return pb.SetAliasResponse(classifier=classifier_message(classifier))

    async def RollbackAlias(self, request: pb.RollbackAliasRequest, context: Context) -> pb.RollbackAliasResponse:
        """Point an alias back at the version before."""
        expected = request.expected_version if request.HasField("expected_version") else None
        version, previous = await asyncio.to_thread(
            self._registry.roll_back, request.classifier, request.alias, expected
        )
        classifier = await asyncio.to_thread(self._registry.get_classifier, request.classifier)
        return pb.RollbackAliasResponse(
            classifier=classifier_message(classifier), version=version, previous_version=previous
        )

    async def DeleteVersion(self, request: pb.DeleteVersionRequest, context: Context) -> pb.DeleteVersionResponse:
        """Delete a version."""
        await asyncio.to_thread(self._registry.delete_version, request.classifier, request.version)
        return pb.DeleteVersionResponse()

    async def DeleteClassifier(
        self, request: pb.DeleteClassifierRequest, context: Context
    ) -> pb.DeleteClassifierResponse:
        """Delete a classifier."""
        await asyncio.to_thread(self._registry.delete_classifier, request.name)
        return pb.DeleteClassifierResponse()

    async def GetHead(self, request: pb.GetHeadRequest, context: Context) -> AsyncIterator[pb.GetHeadResponse]:
        """Stream a version's files."""
        files = await asyncio.to_thread(self._registry.read_head, request.classifier, request.version)
        yield pb.GetHeadResponse(manifest=files.manifest)
        for start in range(0, len(files.tensors), _CHUNK_BYTES):
            yield pb.GetHeadResponse(tensors=files.tensors[start : start + _CHUNK_BYTES])

    async def WatchHeads(self, request: pb.WatchHeadsRequest, context: Context) -> AsyncIterator[pb.WatchHeadsResponse]:
        """Stream what shall be served: now, and whole again after each change; changes in quick succession are one."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        unsubscribe = self._registry.subscribe(lambda _: loop.call_soon_threadsafe(changed.set))
        try:
            while True:
                changed.clear()
                heads = await asyncio.to_thread(self._registry.aliased_versions)
                yield pb.WatchHeadsResponse(heads=[aliased_head(each) for each in heads])
                await changed.wait()
        finally:
            unsubscribe()

"""Adapter to the trainer: follows its list of aliased heads, and fetches the files of those that are lacking."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import grpc
import structlog

from classifier.catalogue import Listed
from graft import statuses
from graft.errors import DataLossError, InvalidArgumentError
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.served import ServedHeads
    from graft.v1.trainer_pb2_grpc import TrainerServiceAsyncStub

_FETCH_TIMEOUT_S: Final = 60.0
_MAX_HEAD_BYTES: Final = 1 << 30
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 10.0
_log: Final = structlog.get_logger("classifier.follower")


class Follower:
    """Keeps the served heads as the trainer lists them, whenever the trainer can be reached.

    Each message of the trainer holds the whole list, so only the newest matters: a list that comes while heads are
    fetched replaces the one before it, and a missed one is made up for by the next.
    """

    def __init__(self, trainer: TrainerServiceAsyncStub, served: ServedHeads) -> None:
        self._trainer = trainer
        self._served = served
        self._wanted: Sequence[Listed] = ()
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._keep_up())

    async def _watch(self) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            # wait_for_ready: as long as the trainer is away, gRPC looks for it, about once a second.
            call = self._trainer.WatchHeads(trainer_pb2.WatchHeadsRequest(), wait_for_ready=True)
            try:
                async for message in call:
                    self._served.registry_connected = True
                    pause = _FIRST_PAUSE_S
                    self._wanted = _listed(message)
                    self._news.set()
            except grpc.aio.AioRpcError as error:
                _log.info("registry lost; serving what is there", code=error.code().name, details=error.details())
            except grpc.aio.BaseError as error:  # gRPC's own trouble: no reason to follow no longer
                _log.warning("registry lost; serving what is there", error=str(error))
            finally:
                self._served.registry_connected = False
                call.cancel()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _keep_up(self) -> None:
        retry_s: float | None = None
        while True:
            news = await self._wait_for_news(retry_s)
            self._news.clear()
            if await self._follow_once():
                retry_s = None
            else:
                retry_s = _FIRST_PAUSE_S if news or retry_s is None else min(2 * retry_s, _LONGEST_PAUSE_S)

    async def _follow_once(self) -> bool:
        try:
            return await self._served.follow(self._wanted, self._fetch)
        except Exception:  # noqa: BLE001 - a full disk for example; whatever it is, it must not end the following for good
            _log.exception("the heads cannot be brought up to date; trying again")
            return False

    async def _wait_for_news(self, timeout_s: float | None) -> bool:
        """Return whether news came within `timeout_s` seconds; None waits for ever."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._news.wait()
        except TimeoutError:
            return False

    async def _fetch(self, listed: Listed) -> tuple[bytes, bytes]:
        """Return manifest and tensors of a version.

        Raises:
            GraftError: what the trainer answers, or that it is away.
        """
        request = trainer_pb2.GetHeadRequest(classifier=listed.classifier, version=listed.version)
        call = self._trainer.GetHead(request, timeout=_FETCH_TIMEOUT_S)
        manifest, tensors = b"", bytearray()
        try:
            async for piece in call:
                if piece.WhichOneof("piece") == "manifest":
                    manifest = piece.manifest
                else:
                    tensors += piece.tensors
                if len(tensors) > _MAX_HEAD_BYTES:
                    raise DataLossError(f"its tensors are larger than {_MAX_HEAD_BYTES} bytes")
        except grpc.aio.AioRpcError as error:
            raise statuses.from_rpc_error(error) from error
        finally:
            call.cancel()
        return manifest, bytes(tensors)


def _listed(message: trainer_pb2.WatchHeadsResponse) -> list[Listed]:
    found = []
    for each in message.heads:
        try:
            found.append(
                Listed(each.classifier, each.version, tuple(sorted(each.aliases)), bytes(each.manifest_sha256))
            )
        except InvalidArgumentError as error:
            _log.error("the trainer lists a head that cannot be served", error=error.message)
    return found

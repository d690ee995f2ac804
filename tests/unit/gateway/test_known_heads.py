"""Which heads the gateway knows to be served."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from graft import statuses
from graft.errors import NotFoundError
from graft.v1 import gateway_pb2, gateway_pb2_grpc

FACES = {"classifier": "faces"}
PICTURE = [{"content": b"one"}]


@pytest.mark.parametrize("head", [{"classifier": "nobody"}, {**FACES, "alias": "canary"}, {**FACES, "version": 8}])
async def test_an_unknown_head_costs_no_picture(world: Any, head: Any) -> None:
    """A classifier, an alias or a version that is not served is refused before the extractor is asked."""
    stub: Any = gateway_pb2_grpc.GatewayServiceStub(world.channel)
    call = stub.StreamClassify()
    await call.write(gateway_pb2.StreamClassifyRequest(head=head, images=PICTURE))
    single = stub.Classify(gateway_pb2.GatewayServiceClassifyRequest(head=head, images=PICTURE))
    for failing in (single, call.read()):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await failing
        found = statuses.from_rpc_error(caught.value)
        assert (type(found), found.reason) == (NotFoundError, "HEAD_NOT_FOUND")
    assert not world.extractor.calls


async def test_a_head_that_answered_is_asked_about_again_only_after_a_failure(world: Any) -> None:
    """The list of heads costs a call once, and once more after the head did not answer."""
    stub: Any = gateway_pb2_grpc.GatewayServiceStub(world.channel)
    request = gateway_pb2.GatewayServiceClassifyRequest(head=FACES, images=PICTURE)
    for _ in range(3):
        await stub.Classify(request)
    assert len(world.classifier.calls) == 1 + 3
    world.classifier.error = NotFoundError("head", "faces/production", reason="HEAD_NOT_FOUND")
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.Classify(request)
    world.classifier.error = None
    await stub.Classify(request)
    assert len(world.classifier.calls) == 4 + 1 + 2

"""ClassifierService over a real connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from classifier.served import ServedHeads
from classifier.service import ClassifierServicer
from classifier.store import HeadStore
from graft import statuses
from graft.channels import open_channel
from graft.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from graft.serving.testing import serving
from graft.v1 import classifier_pb2, classifier_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

FINGERPRINT = bytes(range(16))
VECTORS = np.random.default_rng(1).normal(size=(300, 4)).astype("<f4")


@pytest.fixture
async def stub(tmp_path: Path, make_head: Any) -> AsyncIterator[Any]:
    """Yield a stub of a classifier that serves faces: 1 as `old`, 2 as `production`."""
    heads = {1: make_head(version=1, aliases=("old",)), 2: make_head(version=2)}
    served = ServedHeads(HeadStore(tmp_path))

    async def fetch(listed: Any) -> tuple[bytes, bytes]:
        return heads[listed.version].manifest, heads[listed.version].tensors

    await served.follow([each.listed for each in heads.values()], fetch)

    def register(handlers: Any) -> None:
        classifier_pb2_grpc.add_ClassifierServiceServicer_to_server(ClassifierServicer(served), handlers)

    async with serving(register) as address, open_channel(address, retries=False) as channel:
        yield classifier_pb2_grpc.ClassifierServiceStub(channel)


def request(**changes: Any) -> classifier_pb2.ClassifierServiceClassifyRequest:
    """Return a good request for one vector, with changes."""
    facts = {
        "head": {"classifier": "faces"},
        "fingerprint": FINGERPRINT,
        "dimensions": 4,
        "vectors": VECTORS[:1].tobytes(),
        **changes,
    }
    return classifier_pb2.ClassifierServiceClassifyRequest(**facts)


@pytest.mark.parametrize(
    ("head", "version"),
    [({}, 2), ({"alias": "production"}, 2), ({"alias": "old"}, 1), ({"version": 1}, 1), ({"version": 2}, 2)],
)
async def test_an_alias_or_a_version_picks_the_head(stub: Any, head: dict[str, Any], version: int) -> None:
    """Without either it is `production`."""
    answer = await stub.Classify(request(head={"classifier": "faces", **head}))
    assert (answer.classifier, answer.version) == ("faces", version)


async def test_many_vectors_are_answered_as_single_ones_are(stub: Any) -> None:
    """A request that goes to a thread gives each vector the labels it gets alone, all of them adding up to 1."""
    vectors = np.tile(VECTORS, (14, 1))[:4096]
    answer = await stub.Classify(request(vectors=vectors.tobytes()))
    assert len(answer.classifications) == 4096
    for i in (0, 1, 4095):
        alone = (await stub.Classify(request(vectors=vectors[i].tobytes()))).classifications[0]
        both = [{each.label: each.probability for each in found.labels} for found in (alone, answer.classifications[i])]
        assert both[0] == pytest.approx(both[1], abs=1e-6)
        assert sum(both[0].values()) == pytest.approx(1, abs=1e-6)


async def test_top_k_cuts_the_labels(stub: Any) -> None:
    """The most probable come first."""
    everything = (await stub.Classify(request())).classifications[0].labels
    assert len(everything) == 3
    assert [each.probability for each in everything] == sorted((each.probability for each in everything), reverse=True)
    cut = (await stub.Classify(request(top_k=2))).classifications[0].labels
    assert list(cut) == list(everything[:2])


async def test_a_head_with_a_rule_gives_verdicts(tmp_path: Path, make_head: Any) -> None:
    """Near the classes KNOWN, farther UNCERTAIN, beyond that UNKNOWN, with the score of the distance."""
    head, served = make_head(rule=True), ServedHeads(HeadStore(tmp_path))

    async def fetch(_: Any) -> tuple[bytes, bytes]:
        return head.manifest, head.tensors

    await served.follow([head.listed], fetch)
    # distance = half the sum of the first two values and the whole of the others: 0, 3 and 6 (the rule works on roots)
    vectors = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2]], "<f4")
    servicer = ClassifierServicer(served)
    answer = await servicer.Classify(request(vectors=vectors.tobytes(), top_k=1), None)
    assert [each.verdict for each in answer.classifications] == [
        classifier_pb2.VERDICT_KNOWN,
        classifier_pb2.VERDICT_UNCERTAIN,
        classifier_pb2.VERDICT_UNKNOWN,
    ]
    expected = [1 / (1 + np.exp(2 - distance)) for distance in (0, 3, 6)]
    assert [each.unknown_score for each in answer.classifications] == pytest.approx(expected, rel=1e-4)


async def test_a_head_without_a_rule_gives_none(stub: Any) -> None:
    """The verdict is left unspecified and there is no score, rather than a made-up one."""
    (found,) = (await stub.Classify(request())).classifications
    assert (found.verdict, found.HasField("unknown_score")) == (classifier_pb2.VERDICT_UNSPECIFIED, False)


async def test_an_improbable_label_is_uncertain(tmp_path: Path, make_head: Any) -> None:
    """What lies among the classes is KNOWN only if its label is probable enough."""
    sure = make_head(rule=True)
    rule = {**json.loads(sure.manifest)["unknown"], "minimum_probability": 1.1}
    head, served = make_head(rule=True, unknown=rule), ServedHeads(HeadStore(tmp_path))

    async def fetch(_: Any) -> tuple[bytes, bytes]:
        return head.manifest, head.tensors

    await served.follow([head.listed], fetch)
    answer = await ClassifierServicer(served).Classify(request(vectors=bytes(16)), None)
    assert answer.classifications[0].verdict == classifier_pb2.VERDICT_UNCERTAIN


async def refusal(call: Any) -> Any:
    """Return the error that a call fails with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return statuses.from_rpc_error(caught.value)


async def test_vectors_of_another_trunk_are_refused(stub: Any) -> None:
    """The error names both fingerprints in hexadecimal."""
    error = await refusal(stub.Classify(request(fingerprint=b"\xab" * 16)))
    assert (type(error), error.reason) == (FailedPreconditionError, "FINGERPRINT_MISMATCH")
    assert FINGERPRINT.hex() in error.message
    assert "ab" * 16 in error.message


@pytest.mark.parametrize(
    "changes",
    [
        {"vectors": b""},
        {"vectors": bytes(15)},
        {"dimensions": 0},
        {"dimensions": 8, "vectors": bytes(32)},
        {"vectors": np.array([1, np.nan, 1, 1], "<f4").tobytes()},
        {"vectors": np.array([1, np.inf, 1, 1], "<f4").tobytes()},
        {"vectors": np.full(4, 3e38, "<f4").tobytes()},
        {"vectors": bytes(16 * 4097)},
    ],
)
async def test_what_are_no_vectors_for_the_head_is_refused(stub: Any, changes: dict[str, Any]) -> None:
    """Wrong lengths, values that are not finite, and finite ones that overflow."""
    error = await refusal(stub.Classify(request(**changes)))
    assert (type(error), error.reason) == (InvalidArgumentError, "INVALID_VECTORS")


@pytest.mark.parametrize("head", [{"classifier": "faces", "version": 9}, {"classifier": "nobody"}, {}])
async def test_a_head_that_is_not_served_is_told(stub: Any, head: dict[str, Any]) -> None:
    """The reason is HEAD_NOT_FOUND, whatever is missing."""
    error = await refusal(stub.Classify(request(head=head)))
    assert (type(error), error.reason) == (NotFoundError, "HEAD_NOT_FOUND")


async def test_the_list_tells_every_served_head(stub: Any) -> None:
    """Sorted by version, with aliases, labels and whether the registry is followed."""
    answer = await stub.ListHeads(classifier_pb2.ListHeadsRequest())
    assert [(each.version, list(each.aliases)) for each in answer.heads] == [(1, ["old"]), (2, ["production"])]
    head = answer.heads[0]
    assert (head.classifier, head.fingerprint, head.dimensions) == ("faces", FINGERPRINT, 4)
    assert list(head.labels) == ["ann", "bob", "cat"]
    assert head.load_time.ToNanoseconds() > 0
    assert not answer.registry_connected

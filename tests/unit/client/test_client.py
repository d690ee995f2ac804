"""The two clients against a fake gateway: requests, results, errors."""

from __future__ import annotations

import hashlib
import inspect
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft.client import AsyncClient, Client
from graft.errors import InvalidArgumentError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def digest(content: bytes) -> bytes:
    """Return a picture's identity."""
    return hashlib.sha256(content).digest()


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    """What one can do, the other can, called alike."""

    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(value).parameters)
            for name, value in inspect.getmembers(kind, callable)
            if not name.startswith("_")
        }

    assert methods(Client) == methods(AsyncClient)
    assert len(methods(Client)) > 30


def test_pictures_become_vectors_in_order_each_with_its_own_error(client: Client, gateway: Any, tmp_path: Path) -> None:
    """Paths and bytes mix; one that is bad and one that is not there do not fail their neighbours."""
    file = tmp_path / "rose.jpg"
    file.write_bytes(b"rose")
    gateway.state.extract(b"rose")
    results = client.extract([b"lily", file, b"bad", str(tmp_path / "gone.jpg"), b""])
    assert [each.source for each in results] == ["#0", str(file), "#2", str(tmp_path / "gone.jpg"), "#4"]
    assert [each.error and each.error.reason for each in results] == [
        None,
        None,
        "CORRUPT_IMAGE",
        "UNREADABLE_FILE",
        "EMPTY_IMAGE",
    ]
    assert [each.cached for each in results] == [False, True, False, False, False]
    vector = results[1].vector
    assert vector is not None
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.frombuffer(digest(b"rose")[:4], np.uint8))
    assert results[1].digest_hex == digest(b"rose").hex()
    error = results[2].error
    assert isinstance(error, InvalidArgumentError)
    assert error.violations[0].subject == "images[0].content"


def test_many_pictures_go_in_messages_of_64(client: Client, gateway: Any) -> None:
    """A long list is cut; the results come back as one list."""
    results = client.classify("faces", [b"%d" % number for number in range(130)], top_k=1)
    assert gateway.state.batches == [64, 64, 2]
    assert [each.digest for each in results] == [digest(b"%d" % number) for number in range(130)]


async def test_messages_keep_to_a_smaller_limit_of_the_server(
    client: Client, aclient: AsyncClient, gateway: Any
) -> None:
    """Calls and streams are filled less; a picture too large for any message has its own error."""
    gateway.state.max_message_bytes = 300_000
    pictures = [bytes([number]) * 100_000 for number in range(5)] + [b"x" * 299_000]
    asked = [
        client.extract(pictures),
        list(client.extract_stream(pictures)),
        [each async for each in aclient.classify_stream("faces", pictures)],
    ]
    for results in asked:
        assert [each.error and each.error.reason for each in results] == [None] * 5 + ["IMAGE_TOO_LARGE"]
    assert gateway.state.batches == [2, 2, 1] * 3


def test_a_stream_of_pictures_survives_interruptions(client: Client, gateway: Any) -> None:
    """Each picture has one result, in order, although the stream broke again and again."""
    gateway.state.break_after = [1, 0, 0, 1, 1, 1, 1]
    results = list(client.extract_stream(b"%d" % number for number in range(500)))
    assert [each.digest for each in results] == [digest(b"%d" % number) for number in range(500)]


async def test_an_asyncio_stream_of_pictures_survives_interruptions(aclient: AsyncClient, gateway: Any) -> None:
    """The same with asyncio."""
    gateway.state.break_after = [1, 0, 0, 1, 1, 1, 1]
    results = [each async for each in aclient.extract_stream(b"%d" % number for number in range(500))]
    assert [each.digest for each in results] == [digest(b"%d" % number) for number in range(500)]


async def test_classification_tells_labels_version_and_errors(client: Client, aclient: AsyncClient) -> None:
    """Both clients, single calls and streams, give the same answers."""
    pictures = [b"one", b"bad"]
    answers = [
        client.classify("faces", pictures, top_k=1),
        list(client.classify_stream("faces", pictures, top_k=1)),
        await aclient.classify("faces", pictures, top_k=1),
        [each async for each in aclient.classify_stream("faces", pictures, top_k=1)],
    ]
    for good, bad in answers:
        assert good.classification is not None
        assert [(each.label, each.probability) for each in good.classification.labels] == [("ann", 0.75)]
        assert good.classification.best.label == "ann"
        assert (good.classifier, good.version, good.error) == ("faces", 1, None)
        assert bad.classification is None
        assert bad.error is not None
        assert bad.digest == digest(b"bad")


def test_a_head_is_an_alias_or_a_version_or_production(client: Client, gateway: Any) -> None:
    """What picks the head goes into the request; both at once are refused."""
    client.classify("faces", [b"x"])
    client.classify("faces", [b"x"], alias="canary")
    client.classify("faces", [b"x"], version=3)
    heads = [request.head for request in gateway.state.requests]
    assert [(head.WhichOneof("selector"), head.alias, head.version) for head in heads] == [
        (None, "", 0),
        ("alias", "canary", 0),
        ("version", "", 3),
    ]
    with pytest.raises(InvalidArgumentError):
        client.classify("faces", [b"x"], alias="canary", version=3)


async def test_cached_vectors_come_as_a_matrix(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """Rows follow the digests asked for; what is not cached is listed."""
    for name in (b"a", b"b", b"c"):
        gateway.state.extract(name)
    wanted = [digest(name) for name in (b"c", b"nope", b"a", b"b")]
    for matrix, missing in (client.lookup(wanted), await aclient.lookup(wanted)):
        assert matrix.dtype == np.float32
        assert missing == (digest(b"nope"),)
        expected = [list(digest(name)[:4]) for name in (b"c", b"a", b"b")]
        np.testing.assert_array_equal(matrix, np.array(expected, np.float32))
    assert client.lookup([]).matrix.shape == (0, 4)
    assert client.find_missing(wanted) == [digest(b"nope")]


async def test_trunk_cache_heads_and_health(client: Client, aclient: AsyncClient, gateway: Any) -> None:
    """The small questions are answered with typed results."""
    trunk = client.trunk()
    assert (trunk.fingerprint_hex, trunk.dimensions, trunk.limits.max_images_per_request) == (
        bytes(range(16)).hex(),
        4,
        256,
    )
    assert (await aclient.cache_stats()).limit_bytes == 1000
    (head,) = client.heads().heads
    assert (head.classifier, head.aliases, head.labels) == ("faces", ("production",), ("ann", "bob"))
    assert [each.jpeg for each in client.previews([digest(b"a")])] == [b"jpeg of " + digest(b"a")]
    assert [each.service for each in client.health()] == ["gateway", "feature_extractor", "trainer", "classifier"]
    assert all(each.serving for each in client.health())
    gateway.state.unavailable = 4
    extractor = (await aclient.health())[1]
    assert not extractor.serving
    assert extractor.error
    assert extractor.error.reason == "STARTING"


async def test_without_a_gateway_the_error_says_how_to_start_one() -> None:
    """Nobody listens: one exception with one clear sentence, from both clients."""
    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError) as caught:
        client.trunk()
    assert caught.value.message == "no Graft gateway at 127.0.0.1:1: start one with `graft up`"
    with Client("127.0.0.1:1") as client:
        assert [each.serving for each in client.health()] == [False] * 4
    async with AsyncClient("127.0.0.1:1") as aclient:
        with pytest.raises(UnavailableError, match="graft up"):
            await aclient.datasets()


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument comes before GRAFT_GATEWAY before the default."""
    monkeypatch.setenv("GRAFT_GATEWAY", "there:1")
    assert Client().target == "there:1"
    assert Client("here:2").target == "here:2"
    monkeypatch.delenv("GRAFT_GATEWAY")
    assert Client().target == "127.0.0.1:50050"


def test_the_client_imports_nothing_heavy() -> None:
    """No TensorFlow, Pillow, rich, typer nor server library comes with it."""
    code = "import sys, graft.client; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "keras", "PIL", "rich", "typer", "structlog", "pydantic"} & set(loaded)
    served = "import sys, graft.client; print('graft.serving' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", served], text=True).strip() == "False"

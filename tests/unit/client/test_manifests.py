"""Manifests: written, read, imported; what is wrong in one, and what it names that is not there."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from graft.client import LabelledPicture, Manifest, Part
from graft.client.manifests import ManifestWriter
from graft.client.records import Example
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

    from graft.client import AsyncClient, Client

NAMES = ['rose, "red"', "plain", "čeněk\nnew line", "猫"]
PARTS = [Part.TRAIN, Part.VALIDATION, Part.TEST, Part.UNSPECIFIED]


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _examples() -> list[Example]:
    return [Example(_digest(name), name, f"{name}.jpg", part, None) for name, part in zip(NAMES, PARTS, strict=True)]


@pytest.mark.parametrize("name", ["set.csv", "set.JSONL"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    """Any text survives; a second look finds the same; the sources are paths beside the file."""
    writer = ManifestWriter(tmp_path / name)
    writer.write(_examples()[:1])
    writer.write(_examples()[1:])
    writer.finish()
    manifest = Manifest.open(tmp_path / name)
    assert len(manifest) == 4
    for _ in range(2):
        assert list(manifest) == [
            LabelledPicture(
                each.label,
                tmp_path / each.source,
                each.source,
                (each.part,) if each.part else (),
                each.digest,
            )
            for each in _examples()
        ]
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_file_half_written_is_never_seen(tmp_path: Path) -> None:
    """Until it is finished the old file stays; discarded, nothing is left behind."""
    file = tmp_path / "set.csv"
    file.write_text("old")
    writer = ManifestWriter(file)
    writer.write(_examples())
    assert file.read_text() == "old"
    writer.discard()
    assert [each.name for each in tmp_path.iterdir()] == ["set.csv"]


def test_a_manifest_of_ones_own_needs_label_and_source_alone(tmp_path: Path) -> None:
    """Columns in any order, others beside them, a mark of the byte order, other words for the parts."""
    file = tmp_path / "own.csv"
    file.write_bytes("\ufeffsplit,source,part,label\r\n0,a/1.jpg,val,rose\r\n1,/b/2.jpg,training,lily\r\n".encode())
    assert list(Manifest.open(file, tmp_path / "elsewhere")) == [
        LabelledPicture("rose", tmp_path / "elsewhere" / "a/1.jpg", "a/1.jpg", (Part.VALIDATION,)),
        LabelledPicture("lily", tmp_path.__class__("/b/2.jpg"), "/b/2.jpg", (Part.TRAIN,)),
    ]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("set.txt", "", "must end in .csv or .jsonl"),
        ("set.csv", "", "line 1: the first line must name the columns"),
        ("set.csv", "digest,part\n", "line 1: the first line must name"),
        ("set.csv", "label,source\nrose,\n", "line 2: it has neither digest nor source"),
        ("set.csv", "label,digest\nrose,abc\n", "line 2: 'abc' is not a SHA-256"),
        ("set.csv", "label,source,part\nrose,a.jpg,\nrose,b.jpg,holdout\n", "line 3: 'holdout' is no part"),
        ("set.jsonl", '{"label": "a", "source": "b"}\n\n{"label"\n', "line 3: it is not JSON"),
        ("set.jsonl", "[1]\n", "line 1: it is not a JSON object"),
        ("set.jsonl", '{"label": 7, "source": "b"}\n', "line 1: label is no text"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """Nothing is imported from a file that is wrong somewhere."""
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidArgumentError) as caught:
        Manifest.open(tmp_path / name)
    assert caught.value.reason == "INVALID_MANIFEST"
    assert problem in caught.value.message


def test_other_bytes_than_utf8_are_refused(tmp_path: Path) -> None:
    """And so is a file that is not there."""
    (tmp_path / "set.csv").write_bytes(b"label,source\n\xe9,a.jpg\n")
    with pytest.raises(InvalidArgumentError, match="not UTF-8"):
        Manifest.open(tmp_path / "set.csv")
    with pytest.raises(InvalidArgumentError, match="cannot read"):
        Manifest.open(tmp_path / "gone.csv")


def test_cached_pictures_need_no_bytes_and_the_others_are_read(client: Client, gateway: Any, tmp_path: Path) -> None:
    """What is missing, or another picture than the one named, is refused by its source and says what to do."""
    for each in (b"cached", b"here", b"changed"):
        (tmp_path / each.decode()).write_bytes(each if each != b"changed" else b"something else")
    (tmp_path / "cached").unlink()
    gateway.state.extract(b"cached")
    rows = [
        {"digest": hashlib.sha256(name.encode()).hexdigest(), "label": "rose", "part": part, "source": name}
        for name, part in (("cached", "test"), ("here", ""), ("changed", ""), ("gone", "train"))
    ]
    (tmp_path / "set.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    client.create_dataset("d")
    seen = []
    report = client.import_examples("d", Manifest.open(tmp_path / "set.jsonl"), seen.append)
    assert (report.total, report.added, report.computed, seen[-1].total) == (4, 2, 1, 4)
    reasons = {each.source: (each.error.reason, each.error.message) for each in report.refused}
    assert reasons["changed"][0] == "DIGEST_MISMATCH"
    assert reasons["gone"][0] == "PICTURE_NOT_FOUND"
    assert f"cannot read {tmp_path}/gone" in reasons["gone"][1]
    assert gateway.state.wished_parts[hashlib.sha256(b"cached").digest()] == [3]
    assert [kind for message in gateway.state.messages for kind, _ in message] == ["digest", "content"]


async def test_both_clients_write_manifests_and_correct_labels(
    client: Client, aclient: AsyncClient, gateway: Any, tmp_path: Path
) -> None:
    """The same file from either; corrections carry what was asked for, and their counts come back."""
    client.create_dataset("d")
    client.import_examples("d", [LabelledPicture("rose", b"one", "1"), LabelledPicture("lily", b"two", "2")])
    assert (
        client.export_manifest("d", tmp_path / "a.csv") == await aclient.export_manifest("d", tmp_path / "b.csv") == 2
    )
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert {each.source for each in Manifest.open(tmp_path / "a.csv")} == {"1", "2"}
    digests = [hashlib.sha256(b"one").digest(), b"?" * 32]
    done = client.relabel("d", digests, "tulip", from_label="rose")
    assert done == await aclient.relabel("d", digests, "tulip", from_label="rose")
    assert (done.relabelled, done.merged, done.absent) == (1, 2, 1)
    items = gateway.state.requests[-1].items
    assert [(each.digest, each.label, each.from_label) for each in items] == [(x, "tulip", "rose") for x in digests]
    assert client.merge_labels("d", ["rose"], "tulip") == await aclient.merge_labels("d", ["rose"], "tulip")
    assert (client.dataset("d", digest=True).digest, client.dataset("d").digest) == (b"d" * 32, b"")
    assert (client.remove_labels("d", ["rose"]), await aclient.remove_labels("d", ["lily"])) == (1, 1)


def test_an_export_that_fails_leaves_the_old_file(client: Client, tmp_path: Path) -> None:
    """An unknown dataset, or a name that says nothing, writes nothing."""
    (tmp_path / "a.csv").write_text("old")
    client.create_dataset("d")
    with pytest.raises(Exception, match="ghost"):
        client.export_manifest("ghost", tmp_path / "a.csv")
    with pytest.raises(InvalidArgumentError, match=r"must end in \.csv"):
        client.export_manifest("d", tmp_path / "a.xlsx")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.csv", "old")]

"""The commands that care for datasets: a split of their own, corrections, manifests."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def test_an_own_split_is_kept_and_told(graft: Any, gateway: Any, tmp_path: Path) -> None:
    """The parts travel with the pictures; the option takes the folders as labels."""
    for name in ("train/ann/1.jpg", "test/ann/2.jpg"):
        (tmp_path / "own" / name).parent.mkdir(parents=True)
        (tmp_path / "own" / name).write_bytes(name.encode())
    result = graft("import", "faces", tmp_path / "own")
    assert "own split is kept: test/ to test; train/ to train or validation" in result.stdout
    assert sorted(gateway.state.wished_parts.values()) == [[1, 2], [3]]
    assert {label for _, label in gateway.state.datasets["faces"]} == {"ann"}
    assert "own split" not in graft("import", "other", tmp_path / "own", "--no-own-split").stdout
    assert {label for _, label in gateway.state.datasets["other"]} == {"train", "test"}


def test_labels_are_corrected(graft: Any, gateway: Any, folder: Path) -> None:
    """Each command says what it has done; a digest that is none is named."""
    graft("import", "faces", folder)
    digest = hashlib.sha256(b"ann/1.jpg").hexdigest()
    assert "1 relabelled, 2 merged" in graft("relabel", "faces", "bob", digest, "--from", "ann").stdout
    item = gateway.state.requests[-1].items[0]
    assert (item.digest.hex(), item.label, item.from_label) == (digest, "bob", "ann")
    assert "'abc' is not a SHA-256" in graft("relabel", "faces", "bob", "abc").stderr
    assert json.loads(graft("merge", "faces", "ann", "bob", "--into", "both", "--json").stdout) == {
        "relabelled": 5,
        "merged": 1,
        "absent": 0,
    }
    assert gateway.state.requests[-1].into == "both"
    assert "2 examples removed" in graft("delete", "labels", "faces", "ann", "--yes").stdout
    assert graft("delete", "labels", "faces", "bob", answer="n\n").exit_code == 1
    assert {label for _, label in gateway.state.datasets["faces"]} == {"bob"}
    assert (b"d" * 32).hex() in graft("datasets", "faces").stdout


def test_a_dataset_goes_to_a_manifest_and_back(graft: Any, gateway: Any, folder: Path, tmp_path: Path) -> None:
    """All of it, without a picture; what is missing is listed by its source with what to do."""
    graft("import", "faces", folder)
    file = tmp_path / "faces.csv"
    assert "faces: 4 examples are in" in graft("manifest", "export", "faces", file).stdout
    gateway.state.messages.clear()
    assert "4 added" in graft("manifest", "import", "copy", file).stdout
    assert {kind for message in gateway.state.messages for kind, _ in message} == {"digest"}
    assert gateway.state.datasets["copy"] == gateway.state.datasets["faces"]
    gateway.state.cache.clear()
    assert "4 added" in graft("manifest", "import", "again", file, "--pictures", folder).stdout
    gateway.state.cache.clear()
    lost = graft("manifest", "import", "lost", file)
    assert lost.exit_code == 1
    assert "ann/1.jpg: its vector is not cached" in lost.stderr
    assert "import their folder [PICTURE_NOT_FOUND]" in lost.stderr
    (tmp_path / "empty.jsonl").write_text("")
    assert "no examples in" in graft("manifest", "import", "none", tmp_path / "empty.jsonl").stderr

"""Quantised networks in a home: found by what they were made from, checked byte for byte, kept whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from feature_extractor.trunks.quantised.manifest import CosineLoss, HeadLoss, Manifest, from_bytes, to_bytes
from feature_extractor.trunks.quantised.store import (
    QuantisedTrunk,
    damaged_manifests,
    file_sha256,
    find_quantised,
    keep_quantised,
    list_quantised,
    read_model,
    verify_quantised,
)
from graft.errors import DataLossError

if TYPE_CHECKING:
    from pathlib import Path

BASE = "ab" * 32
MANIFEST = Manifest(
    weights="nsfwjs",
    base_weights_sha256=BASE,
    layer="mixed7",
    preprocessing="pil-antialias-299-v1",
    dimensions=768,
    files={},
    versions={"openvino": "1"},
    pictures=300,
    pictures_sha256="cd" * 32,
    made_at="2026-11-24T08:00:00.000000+00:00",
    cosine=CosineLoss(116, 0.9996, 0.998, 0.996),
    head=HeadLoss(12, 416, 5, 0.84, 0.838, -0.2, -0.9, 0.5),
)


def keep(home: Path, content: bytes, manifest: Manifest = MANIFEST) -> QuantisedTrunk:
    """Keep a network of these bytes."""
    made = home / "weights" / "quantising"
    made.mkdir(parents=True)
    (made / "model.xml").write_bytes(b"<net/>")
    (made / "model.bin").write_bytes(content)
    files = {name: file_sha256(made / name) for name in ("model.xml", "model.bin")}
    trunk = keep_quantised(home, made, replace(manifest, files=files))
    for left in made.glob("*"):
        left.unlink()
    if made.exists():
        made.rmdir()
    return trunk


def test_manifest_survives_its_file() -> None:
    """Reading what was written gives an equal manifest, with and without a comparison of heads."""
    for manifest in (MANIFEST, replace(MANIFEST, head=None)):
        assert from_bytes(to_bytes(manifest)) == manifest


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"version": 99}', to_bytes(MANIFEST)[:-40], to_bytes(MANIFEST).replace(b"layer", b"x")],
)
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    """Half a file, another version and other JSON are told as such."""
    with pytest.raises(ValueError, match=r"."):
        from_bytes(content)


def test_kept_network_is_found_by_its_origin(tmp_path: Path) -> None:
    """The same weights at the same layer find it; other weights, and another layer, do not."""
    kept = keep(tmp_path, b"weights")
    assert find_quantised(tmp_path, BASE, "mixed7") == kept
    assert kept.folder.name == f"quantised-{kept.sha256[:16]}"
    assert read_model(kept) == (b"<net/>", b"weights")
    assert (kept.layer, kept.dimensions, kept.base_weights_sha256) == ("mixed7", 768, BASE)
    assert find_quantised(tmp_path, BASE, "avg_pool") is None
    assert find_quantised(tmp_path, "00" * 32, "mixed7") is None
    assert find_quantised(tmp_path / "elsewhere", BASE, "mixed7") is None


def test_newest_wins_unless_one_is_named(tmp_path: Path) -> None:
    """Of two that fit, the later is found, whichever was put there last; the earlier by its SHA-256."""
    later = keep(tmp_path, b"later", replace(MANIFEST, made_at="2026-11-25T00:00:00.000000+00:00"))
    earlier = keep(tmp_path, b"earlier")
    assert find_quantised(tmp_path, BASE, "mixed7") == later
    assert find_quantised(tmp_path, BASE, "mixed7", earlier.sha256) == earlier
    assert {trunk.sha256 for trunk in list_quantised(tmp_path)} == {later.sha256, earlier.sha256}


def test_any_byte_of_any_file_counts(tmp_path: Path) -> None:
    """Networks that differ in one byte have different SHA-256s; equal ones the same."""
    first, second = keep(tmp_path / "1", b"weights"), keep(tmp_path / "2", b"weights")
    assert first.sha256 == second.sha256 != keep(tmp_path / "3", b"weightt").sha256


@pytest.mark.parametrize("name", ["model.xml", "model.bin"])
def test_changed_file_is_named(tmp_path: Path, name: str) -> None:
    """A byte changed, and a file gone, stop a start with the file's name."""
    kept = keep(tmp_path, b"weights")
    path = kept.folder / name
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(DataLossError, match=name) as caught:
        read_model(kept)
    assert caught.value.reason == "WEIGHTS_DAMAGED"
    assert [problem != "" for where, problem in verify_quantised(tmp_path) if where == path] == [True]
    path.unlink()
    with pytest.raises(DataLossError, match=name):
        read_model(kept)


def test_damaged_manifest_is_named(tmp_path: Path) -> None:
    """A manifest cut short is told of, not passed over, where the network may be the one that is meant."""
    kept = keep(tmp_path, b"weights")
    path = kept.folder / "manifest.json"
    assert [problem for _, problem in verify_quantised(tmp_path)] == ["", "", ""]
    path.write_bytes(path.read_bytes()[:50])
    for sha256 in ("", kept.sha256):
        with pytest.raises(DataLossError, match=r"manifest\.json"):
            find_quantised(tmp_path, BASE, "mixed7", sha256)
    assert [where for where, problem in verify_quantised(tmp_path) if problem] == [path]
    assert [where for where, _ in damaged_manifests(tmp_path)] == [path]


def test_a_damaged_network_harms_no_other(tmp_path: Path) -> None:
    """The others are found, by origin and by name, and listed."""
    kept, damaged = keep(tmp_path, b"weights"), keep(tmp_path, b"others")
    (damaged.folder / "manifest.json").unlink()
    assert find_quantised(tmp_path, BASE, "mixed7") == kept
    assert find_quantised(tmp_path, BASE, "mixed7", kept.sha256) == kept
    assert list_quantised(tmp_path) == [kept]


def test_a_manifest_of_other_files_is_not_the_network_that_is_meant(tmp_path: Path) -> None:
    """Whatever the name of its folder says."""
    kept, other = keep(tmp_path, b"weights"), keep(tmp_path, b"others")
    (kept.folder / "manifest.json").write_bytes((other.folder / "manifest.json").read_bytes())
    with pytest.raises(DataLossError, match="names other files"):
        find_quantised(tmp_path, BASE, "mixed7", kept.sha256)


def test_keeping_the_same_network_again_renews_its_manifest(tmp_path: Path) -> None:
    """The folder stays, the new measurement is in it; a damaged one is replaced."""
    kept = keep(tmp_path, b"weights")
    renewed = keep(tmp_path, b"weights", replace(MANIFEST, made_at="2026-12-01T00:00:00.000000+00:00", pictures=7))
    assert renewed.folder == kept.folder
    assert [trunk.manifest.pictures for trunk in list_quantised(tmp_path)] == [7]
    (kept.folder / "model.bin").write_bytes(b"damaged")
    renewed = keep(tmp_path, b"weights")
    assert read_model(renewed) == (b"<net/>", b"weights")
    assert find_quantised(tmp_path, BASE, "mixed7") == renewed
    assert renewed.manifest.pictures == 300
    assert [path.name for path in (tmp_path / "weights").iterdir()] == [kept.folder.name]


def test_a_damaged_network_is_never_half_removed_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes aside as a whole: when removing it fails, or is cut off, the new one is in its place."""
    kept = keep(tmp_path, b"weights")
    (kept.folder / "model.bin").write_bytes(b"damaged")
    removed: list[str] = []
    monkeypatch.setattr(shutil, "rmtree", lambda path, **_: removed.append(path.name))
    assert read_model(keep(tmp_path, b"weights"))[1] == b"weights"
    assert removed == ["quantising-damaged"]


def test_network_under_construction_is_not_found(tmp_path: Path) -> None:
    """What a killed quantisation left is no network of the home."""
    made = tmp_path / "weights" / "quantising" / "made"
    made.mkdir(parents=True)
    (made / "model.xml").write_bytes(b"<net/>")
    assert find_quantised(tmp_path, BASE, "mixed7") is None
    assert list_quantised(tmp_path) == []

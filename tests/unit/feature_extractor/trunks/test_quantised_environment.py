"""The quantiser's environment: used again when whole, made anew when not, an error with what to do when offline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from feature_extractor.trunks.quantised.tool_environment import (
    REQUIREMENTS,
    ensure_environment,
    environment_folder,
    installed,
)
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


def put_python(folder: Path, versions: dict[str, str]) -> Path:
    """An environment whose Python answers with these versions, whatever it is asked."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho a note that some package prints\necho '{json.dumps(versions)}'\n")
    python.chmod(0o755)
    return python


def test_whole_environment_is_used_again(tmp_path: Path) -> None:
    """Nothing is said and nothing is made where the pinned versions can be imported."""
    folder = environment_folder(tmp_path)
    python = put_python(folder, dict(REQUIREMENTS))
    said: list[str] = []
    assert ensure_environment(folder, said.append) == python
    assert said == []
    assert folder == tmp_path / "tools" / f"nncf-{REQUIREMENTS['nncf']}"


def test_environment_without_a_working_python_has_nothing_installed(tmp_path: Path) -> None:
    """No Python, one that is a broken link, and one that lacks a package are all not whole."""
    assert installed(tmp_path / "bin" / "python") is None
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert installed(tmp_path / "link") is None
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\nexit 1\n")
    failing.chmod(0o755)
    assert installed(failing) is None


def test_half_made_environment_is_made_anew_and_offline_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill left is removed; where no index can be reached the error says what to install, and how by hand."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    folder = tmp_path / "nncf"
    put_python(folder, {"openvino": "1"})
    (folder / "left").touch()
    said: list[str] = []
    with pytest.raises(UnavailableError, match=r"pip install nncf==.* numpy==.* openvino==") as caught:
        ensure_environment(folder, said.append)
    assert caught.value.reason == "TOOLS_UNREACHABLE"
    assert "Connect this machine" in caught.value.message
    assert not (folder / "left").exists()
    assert [line.split()[-3:] for line in said] == [["is", "made", "anew"], ["are", "fetched,", "once"]]

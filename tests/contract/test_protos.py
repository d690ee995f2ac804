"""The wire contract grows by addition only, and says what can go wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUF = Path(sys.executable).with_name("buf")


def breaking(tree: Path) -> subprocess.CompletedProcess[str]:
    """Compare the protos of `tree` with the released image."""
    return subprocess.run(
        [BUF, "breaking", "protos", "--against", "protos/released.binpb"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what buf reads."""
    for each in ("protos", "build/googleapis"):
        shutil.copytree(ROOT / each, tmp_path / each)
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path


def test_the_present_protos_break_no_client(tree: Path) -> None:
    """Compared with the released image, nothing was taken away."""
    result = breaking(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("common.proto", "bytes content = 1;", "bytes content = 2;"),
        ("trainer.proto", "rpc SetAlias(SetAliasRequest) returns (SetAliasResponse);", ""),
        ("classifier.proto", "uint32 top_k = 5;", "string top_k = 5;"),
        ("trainer.proto", "JOB_STATE_CANCELLED = 5;", "JOB_STATE_STOPPED = 5;"),
    ],
)
def test_a_planted_break_is_caught(tree: Path, file: str, old: str, new: str) -> None:
    """A moved field, a removed rpc, a changed type and a renamed value are each refused."""
    path = tree / "protos/graft/v1" / file
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    result = breaking(tree)
    assert result.returncode != 0
    assert file in result.stdout


def test_every_rpc_lists_its_errors() -> None:
    """The comment above each rpc has an `Errors:` paragraph."""
    for path in sorted((ROOT / "protos/graft/v1").glob("*.proto")):
        for comment, rpc in re.findall(r"((?:^ *//[^\n]*\n)+) *rpc (\w+)", path.read_text(), re.MULTILINE):
            assert "Errors:" in comment, f"{path.name}: {rpc}"

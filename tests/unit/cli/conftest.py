"""A fake gateway, and the `graft` command run against it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from graft.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

sys.path.insert(0, str(Path(__file__).parents[1] / "client" / "fakes"))

from fake_gateway import fake_gateway


@pytest.fixture
def gateway() -> Iterator[Any]:
    """Serve an empty fake gateway."""
    with fake_gateway() as served:
        yield served


@pytest.fixture
def graft(gateway: Any, tmp_path: Path) -> Callable[..., Result]:
    """Return the command, run with some arguments against the fake gateway and an empty home."""

    def run(*arguments: str | Path, answer: str = "") -> Result:
        options = ["--gateway", gateway.address, "--home", str(tmp_path / "home")]
        return CliRunner().invoke(app, [*map(str, arguments), *options], input=answer)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of four good pictures under two labels, a bad one and a text."""
    root = tmp_path / "pictures"
    for name in ("ann/1.jpg", "ann/2.jpg", "bob/1.png", "bob/2.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    (root / "bob" / "bad.gif").write_bytes(b"bad")
    (root / "bob" / "notes.txt").write_text("not a picture")
    return root

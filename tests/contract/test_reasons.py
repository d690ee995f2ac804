"""The reasons of errors in the source, beside the page that explains each."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.settings import ClassifierSettings
from feature_extractor.settings import ExtractorSettings
from gateway.settings import GatewaySettings
from trainer.settings import TrainerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
PACKAGES = ("graft", "feature_extractor", "trainer", "classifier", "gateway")

BUILT = {f"{stage}_UNAVAILABLE" for stage in ("EXTRACTOR", "TRAINER", "CLASSIFIER")}
"""What the gateway says of a stage that is away."""

OF_GRPC = {"MESSAGE_TOO_LARGE", "RESOURCE_EXHAUSTED", "ABORTED"}
"""What the client calls statuses that no part of Graft made."""


def reasons_of(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what gives an error its reason: an argument `reason`, a lock's second one, a class's default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "reason")
            if isinstance(node.func, ast.Name) and node.func.id == "OwnerLock":
                yield node.args[1]
        elif isinstance(node, ast.AnnAssign | ast.Assign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == "default_reason":
                yield node.value


def constants_of(tree: ast.Module) -> dict[str, ast.expr]:
    """Return the module's own constants by name."""
    return {
        each.target.id: each.value
        for each in tree.body
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and each.value is not None
    }


def literals() -> set[str]:
    """Return every reason that the source writes out."""
    found: set[str] = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            tree = ast.parse(file.read_text())
            constants = constants_of(tree)
            for reason in reasons_of(tree):
                value = constants.get(reason.id, reason) if isinstance(reason, ast.Name) else reason
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.add(value.value)
    return found - {""}


def explained() -> set[str]:
    """Return the reasons in the first columns of the page's tables."""
    rows = re.findall(r"^\| ([A-Z0-9_]{2,}(?:, [A-Z0-9_]{2,})*) \|", PAGE, re.MULTILINE)
    return {reason for row in rows for reason in row.split(", ")}


def test_every_reason_is_explained_and_no_other() -> None:
    """Whoever adds a reason adds a line to docs/troubleshooting.md."""
    assert literals() > {"CACHE_IN_USE", "GATEWAY_UNREACHABLE", "QUEUE_FULL", "CORRUPT_IMAGE"}
    assert literals() | BUILT | OF_GRPC == explained()


def test_the_variables_that_the_page_names_are_settings() -> None:
    """A name that no stage reads would change nothing, and nobody would be told."""
    settings = (ExtractorSettings, TrainerSettings, ClassifierSettings, GatewaySettings)
    known = {f"GRAFT_{field.upper()}" for kind in settings for field in kind.model_fields} | {"GRAFT_GATEWAY"}
    named = set(re.findall(r"GRAFT_[A-Z_]+", PAGE))
    assert "GRAFT_MAX_IMAGE_BYTES" in named
    assert named <= known

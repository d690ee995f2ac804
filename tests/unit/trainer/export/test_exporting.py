"""Whole exports of a small trunk: each format is built in one process and loaded in another, without Graft."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import safetensors.numpy
from small_trunk import LABELS, SmallTrunk, head_for

from graft.errors import CancelledError, FailedPreconditionError, InternalError, NotFoundError
from trainer.export.exporting import Exporter
from trainer.export.records import Order
from trainer.export.task import ExportFormat
from trainer.jobs.progress import Phase
from trainer.registry import heads

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.catalog.examples import ExampleStore
    from trainer.jobs.progress import Progress
    from trainer.registry.registry import Registry

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(240)]

FILES = {
    ExportFormat.SAVED_MODEL: {"saved_model.pb", "assets/labels.txt", "variables/variables.index"},
    ExportFormat.GRAPH_DEF: {"model.pb", "labels.txt"},
    ExportFormat.TFLITE: {"model.tflite", "labels.txt"},
    ExportFormat.ONNX: {"model.onnx", "labels.txt"},
}


@pytest.fixture
def exporter(registry: Registry, examples: ExampleStore, trunk: SmallTrunk, tmp_path: Path) -> Exporter:
    """An exporter on one core."""
    return Exporter(registry, examples, trunk, tmp_path / "exports", 1)


def listen(_: Progress) -> None:
    """Take no notice."""


@pytest.mark.parametrize("kind", list(ExportFormat))
def test_each_format_answers_as_the_services_do(
    exporter: Exporter, version: int, pictures: str, kind: ExportFormat, tmp_path: Path
) -> None:
    """It is compared on all pictures, comes with its labels, and leaves nothing behind when it is let go."""
    heard: list[Progress] = []
    export = exporter.export(Order("textures", version, kind), heard.append)
    made = export.comparison
    assert (made.pictures, export.dataset, export.labels, export.left_out) == (12, pictures, LABELS, ())
    assert made.pixels_difference <= 1e-5
    assert made.service_difference is not None
    assert made.service_difference <= 1e-5
    if kind.takes_bytes:
        assert made.same_labels == 12
        assert made.bytes_difference is not None
        assert 0 < made.bytes_difference < 0.05
    else:
        assert (made.same_labels, made.bytes_difference) == (None, None)
    assert {each.name for each in export.files} >= FILES[kind]
    for each in export.files:
        content = each.path.read_bytes()
        assert (len(content), hashlib.sha256(content).digest()) == (each.size_bytes, each.sha256)
    labels = next(each for each in export.files if each.name.endswith("labels.txt"))
    assert tuple(labels.path.read_text(encoding="utf-8").splitlines()) == LABELS
    assert {each.phase for each in heard} == {Phase.LOADING, Phase.BUILDING, Phase.COMPARING}
    export.folder.cleanup()
    assert list((tmp_path / "exports").iterdir()) == []


@pytest.mark.usefixtures("pictures")
def test_onnx_tells_what_it_is(exporter: Exporter, version: int) -> None:
    """Labels, trunk and preprocessing are in the file's own metadata."""
    import onnx

    export = exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    model = onnx.load(next(each.path for each in export.files if each.name == "model.onnx"))
    told = {each.key: each.value for each in model.metadata_props}
    assert json.loads(told["labels"]) == list(LABELS)
    assert told["fingerprint"] == (b"t" * 16).hex()
    assert told["preprocessing"] == "pil-antialias-32-v1"
    assert told["classifier"] == "textures@1"


@pytest.mark.usefixtures("pictures")
def test_a_service_that_is_another_network_is_found_out(exporter: Exporter, version: int, trunk: SmallTrunk) -> None:
    """A float32 service must give the probabilities of its own graph."""
    trunk.shift = 0.5
    with pytest.raises(FailedPreconditionError, match="the services' differ from the network's") as error:
        exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    assert error.value.reason == "EXPORT_DIFFERS"


@pytest.mark.usefixtures("pictures")
def test_a_service_of_another_precision_is_only_told(exporter: Exporter, version: int, trunk: SmallTrunk) -> None:
    """What bfloat16 rounds is no fault of the file."""
    trunk.precision, trunk.shift = "bfloat16", 0.001
    made = exporter.export(Order("textures", version, ExportFormat.ONNX), listen).comparison
    assert made.service_precision == "bfloat16"
    assert made.service_difference is not None
    assert made.service_difference > 1e-4
    assert made.pixels_difference <= 1e-5


@pytest.mark.usefixtures("pictures")
def test_a_caller_that_goes_away_ends_the_process(exporter: Exporter, version: int, tmp_path: Path) -> None:
    """What `report` raises comes out, and the folder is gone."""

    def leave(progress: Progress) -> None:
        if progress.phase is Phase.BUILDING:
            raise CancelledError("nobody waits any more", reason="JOB_CANCELLED")

    with pytest.raises(CancelledError) as error:
        exporter.export(Order("textures", version, ExportFormat.GRAPH_DEF), leave)
    assert list((tmp_path / "exports").iterdir()) == []
    assert error.value.reason == "JOB_CANCELLED"  # the error is still held here, and what its frames hold


@pytest.mark.usefixtures("pictures")
def test_tensors_that_no_layer_has_are_named(
    registry: Registry, exporter: Exporter, trunk: SmallTrunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head may hold a rule for the unknown; an export says that it lacks it."""
    plain = heads.tensors_bytes

    def with_rule(*given: Any, **named: Any) -> bytes:
        arrays = safetensors.numpy.load(plain(*given, **named))
        return safetensors.numpy.save({**arrays, "unknown.centres": np.zeros((3, 10), np.float32)})

    monkeypatch.setattr(heads, "tensors_bytes", with_rule)
    facts = {"labels": list(LABELS), "fingerprint": trunk.fingerprint().hex(), "dataset": {"name": "textures"}}
    version = registry.publish("textures", 1, head_for("relu"), facts).version
    export = exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    assert export.left_out == ("unknown.centres",)


@pytest.mark.usefixtures("pictures")
def test_the_trunk_must_be_the_head_s_own(registry: Registry, exporter: Exporter) -> None:
    """Another fingerprint is refused before anything is built."""
    facts = {"labels": list(LABELS), "fingerprint": "00" * 16, "dataset": {"name": "textures"}}
    version = registry.publish("textures", 1, head_for(), facts).version
    with pytest.raises(FailedPreconditionError) as error:
        exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    assert error.value.reason == "FINGERPRINT_MISMATCH"


@pytest.mark.usefixtures("pictures")
def test_without_previews_nothing_is_exported(exporter: Exporter, version: int, trunk: SmallTrunk) -> None:
    """There is nothing to compare on."""
    trunk.kept.clear()
    with pytest.raises(FailedPreconditionError) as error:
        exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    assert error.value.reason == "EXPORT_PICTURES_MISSING"


def test_a_dataset_that_is_gone_is_missing_pictures_unless_it_was_named(exporter: Exporter, version: int) -> None:
    """Its own dataset may have been deleted since; a name that the caller gives must be right."""
    with pytest.raises(FailedPreconditionError) as error:
        exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    assert error.value.reason == "EXPORT_PICTURES_MISSING"
    with pytest.raises(NotFoundError) as unknown:
        exporter.export(Order("textures", version, ExportFormat.ONNX, "others"), listen)
    assert unknown.value.reason == "DATASET_NOT_FOUND"


@pytest.mark.usefixtures("pictures")
def test_onnx_needs_its_packages(
    registry: Registry, examples: ExampleStore, trunk: SmallTrunk, version: int, tmp_path: Path
) -> None:
    """The message says which extra brings them; the other formats do without."""
    exporter = Exporter(registry, examples, trunk, tmp_path / "exports", 1, installed=lambda name: name != "onnx")
    with pytest.raises(FailedPreconditionError, match=r"graft\[onnx\]") as error:
        exporter.export(Order("textures", version, ExportFormat.ONNX), listen)
    assert error.value.reason == "EXPORT_TOOLS_MISSING"


@pytest.mark.usefixtures("pictures")
def test_a_process_that_breaks_is_told(exporter: Exporter, version: int, trunk: SmallTrunk, tmp_path: Path) -> None:
    """A graph that is none ends the building process; its last words reach the caller."""
    broken = tmp_path / "broken.pb"
    broken.write_bytes(b"no graph")
    trunk._path = broken
    with pytest.raises(InternalError, match="building") as error:
        exporter.export(Order("textures", version, ExportFormat.GRAPH_DEF), listen)
    assert error.value.reason == "EXPORT_FAILED"

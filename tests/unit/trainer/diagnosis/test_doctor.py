"""The doctor from catalog and extractor to findings and page, with an extractor made up in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_up import clusters, greys

from graft.errors import CancelledError, FailedPreconditionError, NotFoundError
from graft.v1 import trainer_pb2 as pb
from trainer.catalog.examples import NewExample
from trainer.catalog.further_sources import FurtherSourceStore
from trainer.diagnosis import doctor as doctor_module
from trainer.diagnosis.doctor import Doctor
from trainer.diagnosis.findings import ADVICE, Kind
from trainer.diagnosis.page import diagnosis_page
from trainer.jobs.analyses import Analyses
from trainer.jobs.progress import Phase, Progress
from trainer.jobs.slot import Slot
from trainer.service.diagnosis import DiagnosisMethods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.catalog.connection import Catalog
    from trainer.catalog.datasets import DatasetStore
    from trainer.catalog.examples import ExampleStore
    from trainer.diagnosis.findings import Diagnosis

_CLASSES = ("anna", "bert", "<i>carl</i>")


def _digest(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


class MadeUp:
    """An extractor with 90 pictures in three clusters; every preview is its digest."""

    def __init__(self) -> None:
        vectors, _ = clusters(3, 30, apart=2.0)
        self.vectors = {_digest(number): vector for number, vector in enumerate(vectors)}
        self.thumbnails = dict(zip(self.vectors, greys(90), strict=True))
        self.fingerprints = [b"f" * 16]

    def fingerprint(self) -> bytes:
        """The next of the fingerprints, the last for good."""
        return self.fingerprints.pop(0) if len(self.fingerprints) > 1 else self.fingerprints[0]

    def lookup(self, digests: Sequence[bytes], view: int = 0, view_seed: int = 0) -> tuple[np.ndarray, list[bytes]]:
        """What is there, and what is not."""
        found = [self.vectors[digest] for digest in digests if digest in self.vectors]
        rows = np.stack(found) if found else np.empty((0, 48), np.float32)
        return rows, [digest for digest in digests if digest not in self.vectors]

    def previews(self, digests: Sequence[bytes]) -> list[bytes]:
        """The digest itself stands for the JPEG."""
        return list(digests)


@pytest.fixture
def extractor(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """Return the extractor; its previews are read by looking them up."""
    made_up = MadeUp()
    monkeypatch.setattr(
        doctor_module,
        "read_thumbnails",
        lambda _, digests, __: np.array([made_up.thumbnails[each] for each in digests], np.uint8).reshape(-1, 1024),
    )
    return made_up


@pytest.fixture
def doctor(catalog: Catalog, datasets: DatasetStore, examples: ExampleStore, extractor: MadeUp) -> Doctor:
    """Return a doctor for dataset `set`, whose 90 pictures lie in three folders."""
    datasets.create("set")
    labels = [_CLASSES[number // 30] for number in range(90)]
    examples.add(
        "set", [NewExample(_digest(number), label, f"{label}/{number}.jpg") for number, label in enumerate(labels)]
    )
    return Doctor(examples, FurtherSourceStore(catalog), extractor)


def _examine(doctor: Doctor, most: int = 100) -> dict[Kind, list]:
    return {each.kind: list(each.findings) for each in _whole(doctor, most).lists}


def _whole(doctor: Doctor, most: int = 100) -> Diagnosis:
    return doctor.examine("set", most, lambda _: None)


def test_a_sound_dataset_has_no_findings(doctor: Doctor) -> None:
    """Every kind has its list, and every list is empty."""
    diagnosis = _whole(doctor)
    assert [each.kind for each in diagnosis.lists] == list(Kind) == list(ADVICE)
    assert sum(each.total for each in diagnosis.lists if each.kind is not Kind.SMALL_CLASS) == 0
    assert (diagnosis.examples, diagnosis.pictures, diagnosis.previews, diagnosis.judged) == (90, 90, 90, 90)


def test_doubles_and_contradictions(doctor: Doctor, examples: ExampleStore) -> None:
    """Other names of a picture, and other labels; what has two labels is judged under neither."""
    examples.add("set", [NewExample(_digest(3), "anna", "again.jpg"), NewExample(_digest(4), "bert", "other.jpg")])
    found = _examine(doctor)
    (double,) = found[Kind.EXACT_DUPLICATE]
    assert (double.pictures[0].source, double.pictures[0].further_sources) == ("anna/3.jpg", ("again.jpg",))
    (conflict,) = found[Kind.LABEL_CONFLICT]
    assert [(each.label, each.source) for each in conflict.pictures] == [("anna", "anna/4.jpg"), ("bert", "other.jpg")]
    assert found[Kind.NEAR_DUPLICATE] == []
    assert _whole(doctor).judged == 89


def test_copies_and_copies_across_the_split(doctor: Doctor, examples: ExampleStore, extractor: MadeUp) -> None:
    """Three copies are one group of three pairs; those in different parts are told once more."""
    for number in (6, 7):
        extractor.thumbnails[_digest(number)] = extractor.thumbnails[_digest(5)]
        extractor.vectors[_digest(number)] = extractor.vectors[_digest(5)] * np.float32(1.001)
    found = _examine(doctor)
    near = found[Kind.NEAR_DUPLICATE]
    assert [(each.group, each.count, each.by_vectors) for each in near] == [(1, 3, False)] * 3
    assert _whole(doctor).groups == 1
    parts = {each.digest: each.part for each in examples.all_examples("set")}
    across = sum(parts[_digest(one)] != parts[_digest(other)] for one, other in ((5, 6), (5, 7), (6, 7)))
    assert len(found[Kind.SPLIT_LEAK]) == across > 0


def test_a_wrong_label_is_told_with_the_likely_one(doctor: Doctor, examples: ExampleStore) -> None:
    """Picture 10 of the first cluster lies in the second folder."""
    examples.remove_digests("set", [_digest(10)])
    examples.add("set", [NewExample(_digest(10), "bert", "bert/10.jpg")])
    (wrong,) = _examine(doctor)[Kind.MISLABELLED]
    assert (wrong.pictures[0].source, wrong.label) == ("bert/10.jpg", "anna")
    assert wrong.score > 0.5


def test_pictures_without_a_vector_do_not_stop_the_rest(doctor: Doctor, extractor: MadeUp) -> None:
    """They are listed with their source; the others are judged. Without any vector only the catalog speaks."""
    del extractor.vectors[_digest(20)]
    diagnosis = _whole(doctor)
    assert diagnosis.judged == 89
    (lost,) = _examine(doctor)[Kind.UNREADABLE]
    assert lost.pictures[0].source == "anna/20.jpg"
    extractor.vectors.clear()
    found = _examine(doctor)
    assert len(found[Kind.UNREADABLE]) == 90
    assert found[Kind.MISLABELLED] == found[Kind.NEAR_DUPLICATE] == []


def test_lists_are_bounded_and_counted(doctor: Doctor, extractor: MadeUp) -> None:
    """As many as asked for, and how many there are."""
    for number in range(5):
        del extractor.vectors[_digest(number)]
    (unreadable,) = (each for each in _whole(doctor, 2).lists if each.kind is Kind.UNREADABLE)
    assert (unreadable.total, len(unreadable.findings)) == (5, 2)


def test_a_trunk_that_changes_meanwhile_ends_it(doctor: Doctor, extractor: MadeUp) -> None:
    """Vectors of two trunks are never compared."""
    extractor.fingerprints = [b"f" * 16, b"g" * 16]
    with pytest.raises(FailedPreconditionError) as caught:
        _whole(doctor)
    assert caught.value.reason == "FINGERPRINT_CHANGED"


def test_the_work_can_be_ended_at_every_step(doctor: Doctor) -> None:
    """Each phase reports, and what the report raises ends it."""
    for phase in (Phase.LOADING, Phase.PAIRING, Phase.JUDGING):

        def report(progress: Progress, phase: Phase = phase) -> None:
            if progress.phase is phase:
                raise CancelledError("gone", reason="JOB_CANCELLED")

        with pytest.raises(CancelledError):
            doctor.examine("set", 10, report)


def test_an_unknown_dataset_is_named(doctor: Doctor) -> None:
    """As everywhere."""
    with pytest.raises(NotFoundError, match="ghost"):
        doctor.examine("ghost", 10, lambda _: None)


def test_an_empty_dataset_has_no_findings(doctor: Doctor, datasets: DatasetStore) -> None:
    """Nothing is divided by nothing."""
    datasets.create("empty")
    diagnosis = doctor.examine("empty", 10, lambda _: None)
    assert sum(each.total for each in diagnosis.lists) == 0


def test_the_page_shows_the_pictures_and_escapes_what_users_wrote(doctor: Doctor, extractor: MadeUp) -> None:
    """A label is text, not markup; every preview is inside the page; nothing is fetched or run."""
    extractor.thumbnails[_digest(70)] = extractor.thumbnails[_digest(71)]
    extractor.vectors[_digest(70)] = extractor.vectors[_digest(71)]
    page = diagnosis_page(_whole(doctor), doctor.previews).decode()
    assert "&lt;i&gt;carl&lt;/i&gt;/70.jpg" in page
    assert "<i>" not in page
    assert page.count("data:image/jpeg;base64,") >= 2
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


async def test_the_wire_carries_all_of_it(doctor: Doctor, examples: ExampleStore) -> None:
    """Progress first, then every list in the order of its number, and the page only if it was asked for."""
    examples.add("set", [NewExample(_digest(3), "anna", "again.jpg")])
    methods = DiagnosisMethods(doctor, analyses=Analyses(Slot()))
    request = pb.DiagnoseDatasetRequest(dataset="set", include_page=True)
    *progress, last = [each async for each in methods.DiagnoseDataset(request, None)]
    assert {each.progress.phase for each in progress} == {"loading", "pairing", "judging"}
    diagnosis = last.diagnosis
    assert [each.kind for each in diagnosis.lists] == list(range(1, 10))
    assert all(each.advice for each in diagnosis.lists)
    (double,) = diagnosis.lists[0].findings
    assert list(double.pictures[0].further_sources) == ["again.jpg"]
    assert double.pictures[0].part in {pb.PART_TRAIN, pb.PART_VALIDATION, pb.PART_TEST}
    assert diagnosis.page.startswith(b"<!doctype html>")
    request.include_page = False
    *_, last = [each async for each in methods.DiagnoseDataset(request, None)]
    assert last.diagnosis.page == b""

"""Doubles, contradictions, small and unequal classes."""

from __future__ import annotations

from made_up import picture

from trainer.datasets.split import Part
from trainer.diagnosis.catalog_findings import exact_duplicates, imbalances, label_conflicts, small_classes


def _class(label: str, training: int, test: int) -> list:
    parts = [Part.TRAINING] * training + [Part.TEST] * test
    return [picture(f"{label}/{place}", label, part) for place, part in enumerate(parts)]


def test_files_of_the_same_bytes() -> None:
    """The picture with the most files comes first; one file is no finding."""
    pictures = [picture("1"), picture("2", "a", Part.TEST, "3"), picture("4", "a", Part.TEST, "5", "6")]
    assert [each.pictures[0].source for each in exact_duplicates(pictures)] == ["4", "2"]


def test_a_picture_under_two_labels() -> None:
    """One finding with both."""
    both = [picture("1", "anna"), picture("1", "bert")]
    (found,) = label_conflicts([*both, picture("2", "anna")])
    assert [each.label for each in found.pictures] == ["anna", "bert"]


def test_small_classes_and_empty_parts() -> None:
    """Few pictures, no training picture, no test picture; a class without a validation picture alone is well."""
    pictures = [*_class("fine", 8, 2), *_class("few", 8, 1), *_class("untested", 20, 0), *_class("untrained", 0, 20)]
    found = {each.label: (each.count, each.empty_parts) for each in small_classes(pictures)}
    assert found == {
        "few": (9, (Part.VALIDATION,)),
        "untested": (20, (Part.VALIDATION, Part.TEST)),
        "untrained": (20, (Part.TRAINING, Part.VALIDATION)),
    }


def test_unequal_classes() -> None:
    """Less than a fifth of the largest is too few; a fifth is not. An empty dataset has none."""
    pictures = [*_class("large", 50, 0), *_class("fifth", 10, 0), *_class("less", 9, 0)]
    assert [(each.label, each.count) for each in imbalances(pictures)] == [("less", 9)]
    assert imbalances([]) == []
    assert small_classes([]) == []

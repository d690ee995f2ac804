"""TrainerService: reads requests, asks catalog, jobs and registry, builds responses; one module for each resource."""

from __future__ import annotations

from trainer.service.comparisons import ComparisonMethods
from trainer.service.datasets import DatasetMethods
from trainer.service.diagnosis import DiagnosisMethods
from trainer.service.exports import ExportMethods
from trainer.service.jobs import JobMethods
from trainer.service.learning_curves import LearningCurveMethods
from trainer.service.registry import RegistryMethods
from trainer.service.reports import ReportMethods


class TrainerService(
    ComparisonMethods,
    DatasetMethods,
    DiagnosisMethods,
    ExportMethods,
    JobMethods,
    LearningCurveMethods,
    RegistryMethods,
    ReportMethods,
):
    """The trainer on the wire; takes the collaborators of its parts by keyword."""

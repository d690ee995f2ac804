"""The Python client, blocking and asyncio: `from graft.client import Client, AsyncClient`. It needs no TensorFlow."""

from graft.client.aio import AsyncClient
from graft.client.cache_records import CacheStats, EvictProgress, FingerprintStats, VerifyProgress
from graft.client.comparison_records import ComparedMethod, Comparison
from graft.client.corrections import Corrected
from graft.client.curve_records import LearningCurve, LearningCurvePoint
from graft.client.diagnosis_records import DiagnosedPicture, Diagnosis, Finding, FindingKind, FindingList
from graft.client.export_records import Exported, ExportFormat
from graft.client.feature_records import Feature, Limits, Lookup, Preview, StageTimings, Trunk, ViewFeature
from graft.client.folders import PICTURE_SUFFIXES, Folder
from graft.client.job_records import Job, JobState, Progress, Recipe, Search, Trial
from graft.client.manifests import Manifest
from graft.client.metric_records import CalibrationMetrics, ClassMetrics, Metrics, UnknownMetrics
from graft.client.picture_calls import Lane
from graft.client.pictures import LabelledPicture, Picture
from graft.client.records import Classifier, Dataset, Example, LabelCount, Part, Version
from graft.client.reports import ImportProgress, ImportReport, Refusal
from graft.client.results import (
    Classification,
    PictureResult,
    ScoredLabel,
    ServedHead,
    ServedHeads,
    ServiceHealth,
    Verdict,
)
from graft.client.sync import Client

__all__ = [
    "PICTURE_SUFFIXES",
    "AsyncClient",
    "CacheStats",
    "CalibrationMetrics",
    "ClassMetrics",
    "Classification",
    "Classifier",
    "Client",
    "ComparedMethod",
    "Comparison",
    "Corrected",
    "Dataset",
    "DiagnosedPicture",
    "Diagnosis",
    "EvictProgress",
    "Example",
    "ExportFormat",
    "Exported",
    "Feature",
    "Finding",
    "FindingKind",
    "FindingList",
    "FingerprintStats",
    "Folder",
    "ImportProgress",
    "ImportReport",
    "Job",
    "JobState",
    "LabelCount",
    "LabelledPicture",
    "Lane",
    "LearningCurve",
    "LearningCurvePoint",
    "Limits",
    "Lookup",
    "Manifest",
    "Metrics",
    "Part",
    "Picture",
    "PictureResult",
    "Preview",
    "Progress",
    "Recipe",
    "Refusal",
    "ScoredLabel",
    "Search",
    "ServedHead",
    "ServedHeads",
    "ServiceHealth",
    "StageTimings",
    "Trial",
    "Trunk",
    "UnknownMetrics",
    "Verdict",
    "VerifyProgress",
    "Version",
    "ViewFeature",
]

"""The Python client, blocking and asyncio: `from graft.client import Client, AsyncClient`. It needs no TensorFlow."""

from graft.client.aio import AsyncClient
from graft.client.folders import PICTURE_SUFFIXES, Folder
from graft.client.job_records import Job, JobState, Progress, Recipe
from graft.client.pictures import LabelledPicture, Picture
from graft.client.records import Classifier, Dataset, Example, LabelCount, Metrics, Part, Version
from graft.client.reports import ImportProgress, ImportReport, Refusal
from graft.client.results import (
    CacheStats,
    Classification,
    Feature,
    Limits,
    Lookup,
    PictureResult,
    Preview,
    ScoredLabel,
    ServedHead,
    ServedHeads,
    ServiceHealth,
    Trunk,
)
from graft.client.sync import Client

__all__ = [
    "PICTURE_SUFFIXES",
    "AsyncClient",
    "CacheStats",
    "Classification",
    "Classifier",
    "Client",
    "Dataset",
    "Example",
    "Feature",
    "Folder",
    "ImportProgress",
    "ImportReport",
    "Job",
    "JobState",
    "LabelCount",
    "LabelledPicture",
    "Limits",
    "Lookup",
    "Metrics",
    "Part",
    "Picture",
    "PictureResult",
    "Preview",
    "Progress",
    "Recipe",
    "Refusal",
    "ScoredLabel",
    "ServedHead",
    "ServedHeads",
    "ServiceHealth",
    "Trunk",
    "Version",
]

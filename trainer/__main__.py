"""`python -m trainer`: wires the trainer and runs it."""

# ruff: noqa: E402 - signals are seen to before anything slow is imported

from __future__ import annotations

from graft.serving.lifecycle import exit_cleanly_until_ready

exit_cleanly_until_ready()

import os

# NumPy's threads wait in a loop for each other, which beside a busy extractor costs twenty times the work they share:
# OpenBLAS reads this once, when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import structlog

from graft.channels import open_channel
from graft.owner_lock import OwnerLock
from graft.serving.settings import load_settings
from graft.serving.stage import run_stage
from graft.v1 import feature_extractor_pb2_grpc, trainer_pb2, trainer_pb2_grpc
from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.catalog.corrections import CorrectionStore
from trainer.catalog.datasets import DatasetStore
from trainer.catalog.examples import ExampleStore
from trainer.catalog.further_sources import FurtherSourceStore
from trainer.catalog.jobs import JobStore
from trainer.catalog.parts import PartStore
from trainer.comparison.comparing import Comparing
from trainer.datasets.importing import Importer
from trainer.datasets.placed_examples import PlacedExamples
from trainer.datasets.placing import Placer
from trainer.datasets.placing_thumbnails import Thumbnails
from trainer.diagnosis.doctor import Doctor
from trainer.export.exporting import Exporter
from trainer.features import ExtractorFeatures
from trainer.fitting.fit import fit, prepare_tensorflow
from trainer.jobs.analyses import Analyses
from trainer.jobs.folders import FolderSettings, JobFolders
from trainer.jobs.runner import JobRunner
from trainer.jobs.slot import Slot
from trainer.jobs.training import Training
from trainer.learning_curve.measuring import LearningCurves
from trainer.registry.head_files import HeadDirectory
from trainer.registry.registry import Registry
from trainer.report.contents import Reports
from trainer.service import TrainerService
from trainer.service.export_trunk import ExtractorTrunk
from trainer.settings import TrainerSettings
from trainer.workers.fitting import WorkersFit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import CollectorRegistry

    from graft.serving.server import StageServer

_SERVICE = trainer_pb2.DESCRIPTOR.services_by_name["TrainerService"].full_name
# A job notices its end within a second; a version that is being written is finished first.
_JOB_STOP_S = 10.0
_log = structlog.get_logger("trainer")


@asynccontextmanager
async def open_trainer(
    settings: TrainerSettings,
    server: StageServer,
    registry: CollectorRegistry,  # noqa: ARG001 - the trainer's work is told by its jobs; calls are measured already
) -> AsyncIterator[None]:
    """Open the catalog, settle what a former process left, load TensorFlow, serve; then stop the running job."""
    async with AsyncExitStack() as closing:  # closes in the reverse order
        settings.home.mkdir(parents=True, exist_ok=True)
        lock = OwnerLock(settings.home / "catalog.lock", "CATALOG_IN_USE")
        closing.callback(lock.release)
        catalog = await asyncio.to_thread(Catalog, settings.home / "catalog.sqlite3")
        closing.push_async_callback(asyncio.to_thread, catalog.close)
        datasets, stored, jobs = DatasetStore(catalog), ExampleStore(catalog), JobStore(catalog)
        heads = Registry(ClassifierStore(catalog), HeadDirectory(settings.home / "heads"))
        for classifier, number in await asyncio.to_thread(heads.recover):
            _log.error("files of a version are missing", classifier=classifier, version=number)
        channel = await closing.enter_async_context(open_channel(settings.extractor, settings.max_message_bytes))
        stub = feature_extractor_pb2_grpc.FeatureExtractorServiceStub(channel)
        features = ExtractorFeatures(stub, asyncio.get_running_loop())
        placer = Placer(PartStore(catalog), features, Thumbnails(features.previews))
        examples = PlacedExamples(catalog, placer)  # for whoever trains on them or measures
        await asyncio.to_thread(prepare_tensorflow, settings.threads)
        slot = Slot()
        release = version("graft")
        folders = JobFolders(
            settings.home / "jobs", FolderSettings(release, settings.checkpoint_every_s, settings.tensorboard)
        )
        fit_job = WorkersFit(fit, settings.threads, settings.workers_elsewhere, settings.workers_begin_s)
        training = Training(examples, features, heads, folders, fit_job, release, settings.false_accept_rate)
        runner = JobRunner(jobs, training, heads, folders, slot=slot)
        await asyncio.to_thread(runner.start)
        closing.push_async_callback(asyncio.to_thread, runner.stop, _JOB_STOP_S)
        doctor = Doctor(examples, FurtherSourceStore(catalog), features)
        service = TrainerService(
            datasets=datasets,
            examples=stored,
            corrections=CorrectionStore(catalog),
            importer=Importer(features, stored),
            placer=placer,
            max_items=settings.max_items_per_message,
            runner=runner,
            jobs=jobs,
            registry=heads,
            analyses=Analyses(slot),
            comparing=Comparing(examples, features, fit),
            doctor=doctor,
            exporter=Exporter(
                heads,
                stored,
                ExtractorTrunk(stub, asyncio.get_running_loop()),
                settings.home / "exports",
                settings.threads,
            ),
            learning_curves=LearningCurves(examples, features, fit),
            reports=Reports(heads, doctor),
        )
        trainer_pb2_grpc.add_TrainerServiceServicer_to_server(service, server.handlers)
        yield


def main() -> None:
    """Run the stage until it is told to stop."""
    settings = load_settings(TrainerSettings, "trainer")
    run_stage("trainer", settings, [_SERVICE], partial(open_trainer, settings))


if __name__ == "__main__":
    main()

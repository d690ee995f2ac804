"""A fake of the trainer: datasets, jobs and versions in memory."""

# ruff: noqa: D102 - the methods are the wire's own; protos/ says what they do

from __future__ import annotations

from typing import Any

from fake_analyses import Analyses
from fake_exports import Exports
from fake_state import DIMENSIONS, FINGERPRINT, State, check_views, digest_of, fail, now

from graft import statuses
from graft.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    GraftError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
)
from graft.v1 import trainer_pb2


class Trainer(Analyses, Exports):
    """Keeps datasets, and jobs that end as the test wants."""

    def __init__(self, state: State) -> None:
        self.state = state

    def _dataset(self, name: str, context: Any) -> trainer_pb2.Dataset:
        if name not in self.state.datasets:
            fail(context, NotFoundError("dataset", name))
        examples = self.state.datasets[name]
        labels = sorted({label for _, label in examples})
        counts = [
            trainer_pb2.LabelCount(label=each, train=sum(label == each for _, label in examples)) for each in labels
        ]
        return trainer_pb2.Dataset(name=name, create_time=now(), example_count=len(examples), label_counts=counts)

    def CreateDataset(self, request: Any, context: Any) -> Any:
        if request.name in self.state.datasets:
            fail(context, AlreadyExistsError("dataset", request.name))
        self.state.datasets[request.name] = {}
        return trainer_pb2.CreateDatasetResponse(dataset=self._dataset(request.name, context))

    def GetDataset(self, request: Any, context: Any) -> Any:
        dataset = self._dataset(request.name, context)
        if request.with_digest:
            dataset.digest = b"d" * 32
        return trainer_pb2.GetDatasetResponse(dataset=dataset)

    def ListDatasets(self, request: Any, context: Any) -> Any:
        names = sorted(self.state.datasets)
        start = int(request.page_token or 0)
        end = min(start + 2, len(names))
        return trainer_pb2.ListDatasetsResponse(
            datasets=[self._dataset(name, context) for name in names[start:end]],
            next_page_token=str(end) if end < len(names) else "",
        )

    def DeleteDataset(self, request: Any, context: Any) -> Any:
        self._dataset(request.name, context)
        del self.state.datasets[request.name]
        return trainer_pb2.DeleteDatasetResponse()

    def ImportExamples(self, request_iterator: Any, context: Any) -> Any:
        left = self.state.break_after.pop(0) if self.state.break_after else -1
        for request in request_iterator:
            if request.dataset not in self.state.datasets:
                fail(context, NotFoundError("dataset", request.dataset))
            self.state.messages.append(
                [(str(item.WhichOneof("picture")), item.digest or digest_of(item.content)) for item in request.items]
            )
            check_views(request.views, context)
            results = [self._import(request, item) for item in request.items]
            if left == 0:  # stored, but never acknowledged
                fail(context, UnavailableError("restarting", reason="EXTRACTOR_UNAVAILABLE"))
            left -= 1
            yield trainer_pb2.ImportExamplesResponse(results=results)
        for done in self.state.placing if request.tell_placing else ():
            yield trainer_pb2.ImportExamplesResponse(placing=trainer_pb2.PlacingProgress(done=done, total=4))

    def _import(self, request: Any, item: Any) -> trainer_pb2.ImportResult:
        examples = self.state.datasets[request.dataset]
        computed = False
        error: GraftError | None = None
        if item.WhichOneof("picture") == "content":
            digest, error, cached = self.state.extract(item.content)
            if digest in self.state.full:
                error = ResourceExhaustedError("the disk took no more", reason="CACHE_FULL")
            views = [] if error else self.state.extract_views(digest, request.views, request.view_seed)
            computed = error is None and not (cached and all(known for _, _, known in views))
        else:
            digest = item.digest
            if not self.state.is_cached(digest, request.views, request.view_seed):
                error = NotFoundError("feature", digest.hex(), reason="FEATURE_NOT_CACHED")
        if error:
            return trainer_pb2.ImportResult(digest=digest, error=statuses.to_status(error))
        self.state.wished_parts[digest] = list(item.parts)
        outcome = trainer_pb2.IMPORT_OUTCOME_UNCHANGED
        if (digest, item.label) not in examples:
            examples[digest, item.label] = item.source
            outcome = trainer_pb2.IMPORT_OUTCOME_ADDED
        return trainer_pb2.ImportResult(digest=digest, outcome=outcome, computed=computed)

    def ListExamples(self, request: Any, context: Any) -> Any:
        self.state.requests.append(request)
        examples = sorted(self.state.datasets[request.dataset].items())
        return trainer_pb2.ListExamplesResponse(
            examples=[
                trainer_pb2.Example(digest=digest, label=label, source=source, part=trainer_pb2.PART_TEST)
                for (digest, label), source in examples
            ]
        )

    def RemoveExamples(self, request: Any, context: Any) -> Any:
        examples = self.state.datasets[request.dataset]
        gone = [key for key in examples if key[0] in set(request.digests) or key[1] in set(request.labels)]
        for key in gone:
            del examples[key]
        return trainer_pb2.RemoveExamplesResponse(removed=len(gone))

    def RelabelExamples(self, request: Any, context: Any) -> Any:
        self.state.requests.append(request)
        known = {digest for digest, _ in self.state.datasets[request.dataset]}
        absent = sum(item.digest not in known for item in request.items)
        return trainer_pb2.RelabelExamplesResponse(relabelled=len(request.items) - absent, merged=2, absent=absent)

    def MergeLabels(self, request: Any, context: Any) -> Any:
        self.state.requests.append(request)
        return trainer_pb2.MergeLabelsResponse(relabelled=5, merged=1, absent=0)

    def CreateTrainingJob(self, request: Any, context: Any) -> Any:
        self.state.requests.append(request)
        self._dataset(request.dataset, context)
        job = trainer_pb2.TrainingJob(
            job_id="job-1",
            dataset=request.dataset,
            classifier=request.classifier or request.dataset,
            recipe=request.recipe,
            state=trainer_pb2.JOB_STATE_QUEUED,
            create_time=now(),
        )
        self.state.jobs[job.job_id] = job
        return trainer_pb2.CreateTrainingJobResponse(job=job)

    def _job(self, job_id: str, context: Any) -> trainer_pb2.TrainingJob:
        if job_id not in self.state.jobs:
            fail(context, NotFoundError("training job", job_id))
        return self.state.jobs[job_id]

    def GetTrainingJob(self, request: Any, context: Any) -> Any:
        return trainer_pb2.GetTrainingJobResponse(job=self._job(request.job_id, context))

    def ListTrainingJobs(self, request: Any, context: Any) -> Any:
        return trainer_pb2.ListTrainingJobsResponse(jobs=self.state.jobs.values())

    def CancelTrainingJob(self, request: Any, context: Any) -> Any:
        job = self._job(request.job_id, context)
        job.state = trainer_pb2.JOB_STATE_CANCELLED
        return trainer_pb2.CancelTrainingJobResponse(job=job)

    def WatchTrainingJob(self, request: Any, context: Any) -> Any:
        job = self._job(request.job_id, context)
        yield trainer_pb2.WatchTrainingJobResponse(job=job)
        job.state = trainer_pb2.JOB_STATE_RUNNING
        yield trainer_pb2.WatchTrainingJobResponse(job=job)
        progress = trainer_pb2.TrainingProgress(
            phase="fitting", done=3, total=10, epoch=1, train_loss=0.5, validation_accuracy=0.75
        )
        yield trainer_pb2.WatchTrainingJobResponse(progress=progress)
        self.state.watch_gate.wait(60)
        if self.state.job_error:
            job.state = trainer_pb2.JOB_STATE_FAILED
            job.error.CopyFrom(statuses.to_status(self.state.job_error))
        else:
            job.state, job.version = trainer_pb2.JOB_STATE_SUCCEEDED, 1
            self.state.aliases.setdefault(job.classifier, {"production": 1})
        yield trainer_pb2.WatchTrainingJobResponse(job=job)

    def _classifier(self, name: str, context: Any) -> trainer_pb2.Classifier:
        if name not in self.state.aliases:
            fail(context, NotFoundError("classifier", name))
        aliases = [trainer_pb2.Alias(alias=a, version=v) for a, v in sorted(self.state.aliases[name].items())]
        return trainer_pb2.Classifier(name=name, create_time=now(), aliases=aliases, latest_version=2, version_count=2)

    def GetClassifier(self, request: Any, context: Any) -> Any:
        return trainer_pb2.GetClassifierResponse(classifier=self._classifier(request.name, context))

    def ListClassifiers(self, request: Any, context: Any) -> Any:
        return trainer_pb2.ListClassifiersResponse(
            classifiers=[self._classifier(name, context) for name in sorted(self.state.aliases)]
        )

    def _version(self, classifier: str, version: int) -> trainer_pb2.Version:
        return trainer_pb2.Version(
            classifier=classifier,
            version=version,
            create_time=now(),
            job_id="job-1",
            dataset="faces",
            fingerprint=FINGERPRINT,
            dimensions=DIMENSIONS,
            labels=["ann", "bob"],
            recipe=trainer_pb2.Recipe(kind="mlp", seed=0, hidden_units=[512, 128], learning_rate=0.001),
            metrics=trainer_pb2.Metrics(
                accuracy=0.9, accuracy_low=0.7, accuracy_high=0.97, test_examples=20, confusion_matrix=[9, 1, 1, 9]
            ),
            aliases=[a for a, v in sorted(self.state.aliases[classifier].items()) if v == version],
            size_bytes=1234,
        )

    def GetVersion(self, request: Any, context: Any) -> Any:
        self._classifier(request.classifier, context)
        return trainer_pb2.GetVersionResponse(version=self._version(request.classifier, request.version))

    def ListVersions(self, request: Any, context: Any) -> Any:
        self._classifier(request.classifier, context)
        versions = [self._version(request.classifier, number) for number in (2, 1)]
        for each in versions:
            each.metrics.ClearField("confusion_matrix")
        return trainer_pb2.ListVersionsResponse(versions=versions)

    def SetAlias(self, request: Any, context: Any) -> Any:
        self._classifier(request.classifier, context)
        self.state.aliases[request.classifier][request.alias] = request.version
        return trainer_pb2.SetAliasResponse(classifier=self._classifier(request.classifier, context))

    def RollbackAlias(self, request: Any, context: Any) -> Any:
        self._classifier(request.classifier, context)
        present = self.state.aliases[request.classifier].get(request.alias, 0)
        if request.expected_version != present or present != 2:
            fail(context, FailedPreconditionError("there is none before", reason="NO_EARLIER_VERSION"))
        self.state.aliases[request.classifier][request.alias] = 1
        return trainer_pb2.RollbackAliasResponse(
            classifier=self._classifier(request.classifier, context), version=1, previous_version=2
        )

    def DeleteVersion(self, request: Any, context: Any) -> Any:
        aliased = [a for a, v in self.state.aliases[request.classifier].items() if v == request.version]
        if aliased:
            fail(context, FailedPreconditionError(f"{aliased} point to it", reason="VERSION_ALIASED"))
        return trainer_pb2.DeleteVersionResponse()

    def DeleteClassifier(self, request: Any, context: Any) -> Any:
        self._classifier(request.name, context)
        del self.state.aliases[request.name]
        return trainer_pb2.DeleteClassifierResponse()

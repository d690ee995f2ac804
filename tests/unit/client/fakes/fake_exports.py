"""A fake of the trainer's exports: two files that never vary, whatever the format."""

# ruff: noqa: D102 - the methods are the wire's own; protos/ says what they do

from __future__ import annotations

import hashlib
from typing import Any

from graft.v1 import trainer_pb2, trainer_pb2_grpc

FILES = {"labels.txt": b"ann\nbob\n", "model.onnx": b"network" * 100}


class Exports(trainer_pb2_grpc.TrainerServiceServicer):
    """Exports every version; remembers what it was asked."""

    state: Any

    def ExportVersion(self, request: Any, context: Any) -> Any:
        self.state.requests.append(request)
        yield trainer_pb2.ExportVersionResponse(progress=trainer_pb2.TrainingProgress(phase="loading", done=1, total=2))
        yield trainer_pb2.ExportVersionResponse(progress=trainer_pb2.TrainingProgress(phase="building"))
        yield trainer_pb2.ExportVersionResponse(
            network=trainer_pb2.ExportedNetwork(
                files=[
                    trainer_pb2.ExportedFile(path=path, size_bytes=len(each), sha256=hashlib.sha256(each).digest())
                    for path, each in FILES.items()
                ],
                labels=["ann", "bob"],
                left_out_tensors=["unknown.centres"],
                dataset="faces",
                pictures=50,
                pixels_difference=2e-6,
                service_difference=1.5e-2,
                service_precision="bfloat16",
                same_labels=49,
                bytes_difference=2.5e-2,
            )
        )
        for content in FILES.values():
            yield trainer_pb2.ExportVersionResponse(chunk=content)

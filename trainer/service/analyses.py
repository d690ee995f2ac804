"""What the methods that stream an analysis share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graft.v1 import trainer_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from trainer.jobs.analyses import Analyses


class AnalysisMethods(pb_grpc.TrainerServiceServicer):
    """Base of those methods.

    Args:
        analyses: runs them.
    """

    def __init__(self, analyses: Analyses, **others: Any) -> None:
        super().__init__(**others)
        self._analyses = analyses

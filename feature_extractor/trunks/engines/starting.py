"""What a start of a trunk has to go by, and what comes of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from feature_extractor.decoding.images import decode
from feature_extractor.trunks.devices import choose_device, environment_for, parse_device
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from feature_extractor.decoding.images import DecodeLimits
    from feature_extractor.decoding.views import Distortion
    from feature_extractor.trunks.devices import Device, SeenDevice
    from feature_extractor.trunks.identity import TrunkIdentity
    from feature_extractor.trunks.trunk import Trunk
    from feature_extractor.trunks.weights.record import Resolution, TrunkRequest
    from feature_extractor.trunks.weights.sources import WeightsSource

GraphMode = Literal["batched", "faithful"]


class Prepared(Protocol):
    """A picture decoded for a trunk."""

    @property
    def pixels(self) -> NDArray[Any]:
        """One picture as the trunk takes it: uint8[299, 299, 3] but for frozen graphs."""

    @property
    def preview(self) -> bytes:
        """A small JPEG."""

    @property
    def views(self) -> tuple[NDArray[Any], ...]:
        """As `pixels`, for each distortion asked for."""


class Prepare(Protocol):
    """Decodes a picture and its views for a trunk; called from many threads."""

    def __call__(self, content: bytes, distortions: Sequence[Distortion] = (), /) -> Prepared:
        """A picture's bytes and the distortions of its views, decoded.

        Raises:
            InvalidArgumentError: the picture cannot be read, or is too large.
        """


def prepare_within(limits: DecodeLimits) -> Prepare:
    """How pictures are prepared for a Keras network, whatever runs it."""

    def prepare(content: bytes, distortions: Sequence[Distortion] = (), /) -> Prepared:
        return decode(content, limits, distortions)

    return prepare


@dataclass(frozen=True, slots=True)
class LoadedTrunk:
    """A trunk and how it was chosen.

    Attributes:
        trunk: ready to be warmed up.
        resolution: what the request became; its `reason` is a sentence worth logging.
        prepare: decodes pictures for this trunk.
        cpu_fallback: whether it runs on the processor in place of a GPU that was asked for.
    """

    trunk: Trunk
    resolution: Resolution
    prepare: Prepare
    cpu_fallback: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """One start.

    Attributes:
        home: directory of all state.
        request: the trunk asked for, in its one spelling.
        known: what the request became at an earlier start; None at the first.
        on_record: what all requests of earlier starts became.
        limits: of a picture.
        device: `auto`, `cpu`, `gpu` or `gpu:N`.
        cpu_fallback: whether the processor will do where a GPU is asked for and none is there.
        threads: that compute a batch; 0 is one a core.
        buckets: batch sizes to run.
        graph_mode: how a frozen graph is run.
        stop: set to end loading early.
        sources: where weights come from, by their specification.
        native_bfloat16: whether the processor multiplies bfloat16.
    """

    home: Path
    request: TrunkRequest
    known: Resolution | None
    on_record: Sequence[Resolution]
    limits: DecodeLimits
    device: str
    cpu_fallback: bool
    threads: int
    buckets: Sequence[int]
    graph_mode: GraphMode
    stop: threading.Event
    sources: Callable[[str], WeightsSource]
    native_bfloat16: Callable[[], bool]

    @property
    def weights_folder(self) -> Path:
        """Where weights, and the record of what was resolved, are kept."""
        return self.home / "weights"

    @property
    def recorded_sha256(self) -> str:
        """SHA-256 of what was run at an earlier start with this request; empty at the first."""
        return self.known.identity.weights_sha256 if self.known else ""

    @property
    def precision(self) -> str:
        """The recorded precision, or the one asked for."""
        return self.known.identity.precision if self.known else self.request.precision

    def find_device(self, engine: str, devices: Callable[[int], Sequence[SeenDevice]]) -> Device:
        """Let the engine see what it may see, and choose; the engine is imported by `devices`, not before.

        Raises:
            InvalidArgumentError: UNKNOWN_DEVICE.
            FailedPreconditionError: DEVICE_UNAVAILABLE.
        """
        asked = parse_device(self.device)
        os.environ.update(environment_for(asked, os.environ))
        return choose_device(
            asked,
            devices(self.threads),
            engine=engine,
            cpu_fallback=self.cpu_fallback,
            processor_bfloat16=self.native_bfloat16(),
        )

    def check_preparation(self, preprocessing: str, input_size_px: int, engine: str) -> None:
        """Refuse a home made by a version that prepares or runs pictures otherwise: its vectors would not fit new ones.

        Raises:
            FailedPreconditionError: PREPROCESSING_CHANGED.
        """
        if self.known is None:
            return
        identity: TrunkIdentity = self.known.identity
        recorded = (identity.preprocessing, identity.input_size_px, identity.engine)
        if recorded != (preprocessing, input_size_px, engine):
            raise FailedPreconditionError(
                f"this home's trunk takes pictures prepared as {recorded[0]} at {recorded[1]} px on {recorded[2]}; "
                f"this version of Graft has {preprocessing} at {input_size_px} px on {engine}. Run the version that "
                "made it, or use another home",
                reason="PREPROCESSING_CHANGED",
            )

"""Between the pipeline's outcomes and the wire's messages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from feature_extractor.records import DIGEST_BYTES
from graft import statuses
from graft.errors import GraftError, InternalError, InvalidArgumentError, Violation
from graft.v1 import feature_extractor_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feature_extractor.flights import Extracted
    from feature_extractor.loading import LoadedTrunk
    from feature_extractor.settings import ExtractorSettings

MAX_DIGESTS = 100_000
_log = logging.getLogger(__name__)


def feature_result(
    index: int, digest: bytes, outcome: Extracted | BaseException, *, omit_vector: bool
) -> pb.FeatureResult:
    """The message for the picture at `index` of its request."""
    if isinstance(outcome, BaseException):
        return pb.FeatureResult(digest=digest, error=statuses.to_status(picture_error(index, digest, outcome)))
    vector = b"" if omit_vector else outcome.vector.astype("<f4", copy=False).tobytes()
    return pb.FeatureResult(digest=outcome.digest, vector=vector, cached=outcome.cached)


def picture_error(index: int, digest: bytes, error: BaseException) -> GraftError:
    """The same error, naming the picture by its place in the request and its digest.

    The error itself may be shared with other callers of an identical picture, so it is left as it is.
    """
    where = f"images[{index}]"
    if not isinstance(error, GraftError):
        _log.error("picture %s failed", digest.hex(), exc_info=error)
        error = InternalError("internal error; the server's log has the details")
    placed = error.placed(f"{where} (sha256 {digest.hex()})", digest=digest.hex(), index=str(index))
    if isinstance(placed, InvalidArgumentError):
        placed.violations = (Violation(f"{where}.content", error.message),)
    return placed


def check_images(images: Sequence[object], limit: int) -> None:
    """Raise InvalidArgumentError unless there are 1 to `limit` pictures."""
    if not images:
        raise InvalidArgumentError(
            "the request holds no picture", reason="NO_IMAGES", violations=(Violation("images", "must not be empty"),)
        )
    if len(images) > limit:
        raise InvalidArgumentError(
            f"the request holds {len(images)} pictures: send at most {limit} in one message",
            reason="TOO_MANY_IMAGES",
            violations=(Violation("images", f"must hold at most {limit}"),),
        )


def check_digests(digests: Sequence[bytes]) -> None:
    """Raise InvalidArgumentError unless there are at most MAX_DIGESTS digests of 32 bytes."""
    if len(digests) > MAX_DIGESTS:
        raise InvalidArgumentError(
            f"the request holds {len(digests)} digests: send at most {MAX_DIGESTS} in one",
            reason="TOO_MANY_DIGESTS",
            violations=(Violation("digests", f"must hold at most {MAX_DIGESTS}"),),
        )
    for index, digest in enumerate(digests):
        if len(digest) != DIGEST_BYTES:
            raise InvalidArgumentError(
                f"digests[{index}] has {len(digest)} bytes: a SHA-256 has {DIGEST_BYTES}",
                reason="INVALID_DIGEST",
                violations=(Violation(f"digests[{index}]", f"must have {DIGEST_BYTES} bytes"),),
            )


def trunk_message(loaded: LoadedTrunk) -> pb.Trunk:
    """What GetTrunk tells of the trunk."""
    trunk, identity = loaded.trunk, loaded.trunk.identity
    return pb.Trunk(
        fingerprint=identity.fingerprint,
        weights=loaded.resolution.weights,
        weights_reason=loaded.resolution.reason,
        weights_sha256=identity.weights_sha256,
        layer=identity.layer,
        dimensions=trunk.dimensions,
        preprocessing=identity.preprocessing,
        input_size_px=identity.input_size_px,
        precision=identity.precision,
        engine=identity.engine,
        device=trunk.device,
    )


def limits_message(settings: ExtractorSettings) -> pb.ExtractionLimits:
    """What GetTrunk tells of the limits."""
    return pb.ExtractionLimits(
        max_images_per_request=settings.max_images_per_request,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
        max_message_bytes=settings.max_message_bytes,
    )

"""Between the pipeline's outcomes and the wire: what the service's own tests do not reach."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import pytest
from pydantic import ValidationError

from feature_extractor.conversions import feature_result, limits_message, picture_error, trunk_message
from feature_extractor.decoding.views import VIEW_RULE
from feature_extractor.pipeline.calls import Pending
from feature_extractor.pipeline.flights import Extracted
from feature_extractor.pipeline.timings import Timings
from feature_extractor.request_checks import MAX_DIGESTS, check_digests, check_images, check_inputs, check_views
from feature_extractor.settings import ExtractorSettings
from feature_extractor.trunks.devices import Device
from feature_extractor.trunks.engines.starting import LoadedTrunk
from feature_extractor.trunks.identity import TrunkIdentity
from feature_extractor.trunks.trunk import Trunk
from feature_extractor.trunks.weights.record import Resolution, TrunkRequest
from graft import statuses
from graft.errors import CancelledError, InternalError, InvalidArgumentError, UnavailableError

DIGEST = bytes(range(32))


def extracted(value: float, *, cached: bool = False, **seconds: float) -> Extracted:
    """A vector of two equal values."""
    return Extracted(DIGEST, np.full(2, value, np.float32), cached, Timings(**seconds))


def test_a_result_has_the_picture_first_and_its_views_by_number() -> None:
    """Vectors are little-endian float32, each with whether it was cached."""
    outcomes = [extracted(1.0), extracted(2.0, cached=True), extracted(3.0)]
    result = feature_result(0, Pending(DIGEST, (), Timings()), outcomes, omit_vectors=False, timed=False)
    assert np.frombuffer(result.vector, "<f4").tolist() == [1.0, 1.0]
    assert [(view.view, view.cached) for view in result.views] == [(1, True), (2, False)]
    assert [np.frombuffer(view.vector, "<f4")[0] for view in result.views] == [2.0, 3.0]
    assert not result.cached


def test_a_result_without_vectors_still_tells_what_was_cached() -> None:
    """omit_vectors leaves out vectors and nothing else; the outcome is set, so nobody takes it for an error."""
    outcomes = [extracted(1.0, cached=True), extracted(2.0)]
    result = feature_result(0, Pending(DIGEST, (), Timings()), outcomes, omit_vectors=True, timed=False)
    assert result.WhichOneof("outcome") == "vector"
    assert (result.vector, result.cached, result.views[0].vector, result.views[0].cached) == (b"", True, b"", False)


def test_timings_are_the_sum_in_milliseconds() -> None:
    """Over the picture, its views and the look-up of the call."""
    outcomes = [extracted(1, queue_s=1, decode_s=0.5, trunk_s=0.25), extracted(2, queue_s=2, trunk_s=0.25, cache_s=1)]
    picture = Pending(DIGEST, (), Timings(cache_s=0.125))
    timings = feature_result(0, picture, outcomes, omit_vectors=True, timed=True).timings
    assert (timings.queue_ms, timings.decode_ms, timings.trunk_ms, timings.cache_ms) == (3000, 500, 500, 1125)


def test_one_error_among_picture_and_views_is_the_pictures() -> None:
    """The first of them, and no vector beside it."""
    error = UnavailableError("stopping", reason="SHUTTING_DOWN")
    outcomes = [extracted(1.0), error, CancelledError("left")]
    result = feature_result(3, Pending(DIGEST, (), Timings()), outcomes, omit_vectors=False, timed=True)
    told = statuses.from_status(result.error)
    assert (told.reason, told.metadata["index"]) == ("SHUTTING_DOWN", "3")
    assert told.message.startswith(f"images[3] (sha256 {DIGEST.hex()})")
    assert not result.views


def test_a_shared_error_is_placed_without_being_changed() -> None:
    """Two callers know the picture by different places; each is told its own, and the field that is wrong."""
    shared = InvalidArgumentError("not a picture", reason="UNSUPPORTED_FORMAT")
    first, second = picture_error(1, DIGEST, shared), picture_error(7, DIGEST, shared)
    assert isinstance(first, InvalidArgumentError)
    assert first.violations[0].subject == "images[1].content"
    assert second.message.startswith("images[7]")
    assert shared.message == "not a picture"
    assert shared.violations == ()


def test_an_unknown_fault_is_logged_and_told_as_internal(caplog: pytest.LogCaptureFixture) -> None:
    """Its text stays in the log."""
    with caplog.at_level(logging.ERROR):
        error = picture_error(0, DIGEST, RuntimeError("a secret of the machine"))
    assert isinstance(error, InternalError)
    assert "secret" not in error.message
    assert "a secret of the machine" in caplog.text


def test_the_limits_are_those_the_messages_state() -> None:
    """At the limit all is well, one past it is refused with the field's name."""
    check_images(2, 2)
    check_views(16, 16)
    check_inputs(2, 1, 4)
    check_inputs(100, 100, 0)
    check_digests([DIGEST])
    with pytest.raises(InvalidArgumentError, match="at most 2") as images:
        check_images(3, 2)
    with pytest.raises(InvalidArgumentError, match="at most 16") as views:
        check_views(17, 16)
    with pytest.raises(InvalidArgumentError, match="at most 4") as inputs:
        check_inputs(5, 0, 4)
    with pytest.raises(InvalidArgumentError, match="at most 100000") as digests:
        check_digests([DIGEST] * (MAX_DIGESTS + 1))
    with pytest.raises(InvalidArgumentError, match="31 bytes") as short:
        check_digests([DIGEST, DIGEST[:31]])
    assert [refused.value.violations[0].subject for refused in (images, views, inputs, digests, short)] == [
        "images",
        "views",
        "images",
        "digests",
        "digests[1]",
    ]


def test_the_trunk_is_told_with_why_it_serves() -> None:
    """Fingerprint, origin, arithmetic, device, fallback and the rule of the views."""
    identity = TrunkIdentity("ab" * 32, "mixed7", "pil-antialias-299-v1", 299, "bfloat16", "jax")
    trunk = Trunk(lambda pixels: pixels, identity, dimensions=768, device=Device("GPU", "H100"))
    resolution = Resolution(TrunkRequest("auto", "", "auto"), "nsfwjs", identity, "imagenet was not to be had")
    message = trunk_message(LoadedTrunk(trunk, resolution, prepare=lambda *_: None, cpu_fallback=True))  # type: ignore[arg-type,return-value]  # never decodes
    assert message.fingerprint == identity.fingerprint
    assert (message.weights, message.weights_reason) == ("nsfwjs", "imagenet was not to be had")
    assert (message.layer, message.dimensions, message.input_size_px) == ("mixed7", 768, 299)
    assert (message.precision, message.engine, message.device) == ("bfloat16", "jax", "GPU H100")
    assert (message.cpu_fallback, message.view_rule) == (True, VIEW_RULE)


@pytest.mark.parametrize(
    ("weights", "mode", "views"),
    [("graph.pb", "faithful", 0), ("graph.pb", "batched", 3), ("imagenet", "faithful", 3)],
)
def test_a_graph_that_is_run_whole_makes_no_views(
    weights: str, mode: Literal["batched", "faithful"], views: int
) -> None:
    """So it promises none, and a call that asks for some is refused before a picture travels."""
    assert limits_message(ExtractorSettings(weights=weights, graph_mode=mode, max_views=3)).max_views == views


def test_the_limits_are_told_as_they_are_set() -> None:
    """Each limit of the settings that a client can run into."""
    limits = limits_message(ExtractorSettings(max_views=3, max_image_bytes=2048, max_images_per_request=7))
    assert (limits.max_views, limits.max_image_bytes, limits.max_images_per_request) == (3, 2048, 7)
    assert limits.max_image_pixels == ExtractorSettings().max_image_pixels
    assert limits.max_message_bytes == ExtractorSettings().max_message_bytes


def test_a_message_holds_no_more_pictures_than_a_lane() -> None:
    """With few places fewer pictures are told than were set; the inputs of a call are three quarters of the places."""
    limits = limits_message(ExtractorSettings(queue_pictures=40))
    assert (limits.max_images_per_request, limits.max_inputs_per_call) == (30, 30)
    limits = limits_message(ExtractorSettings())
    assert (limits.max_images_per_request, limits.max_inputs_per_call) == (256, 384)


def test_places_for_a_picture_with_all_its_views_are_asked_for() -> None:
    """Settings with which such a picture would exceed its lane are refused, and say how many places it takes."""
    with pytest.raises(ValidationError, match="give 23 or more"):
        ExtractorSettings(queue_pictures=22)
    with pytest.raises(ValidationError, match="give 1335 or more"):
        ExtractorSettings(max_views=1000)
    assert ExtractorSettings(queue_pictures=23).queue_pictures == 23
    assert ExtractorSettings(queue_pictures=1, max_views=0).queue_pictures == 1

"""`python -m feature_extractor`: wires the feature extractor and runs it."""

# ruff: noqa: E402 - signals are seen to before anything slow is imported

from __future__ import annotations

from graft.serving.lifecycle import exit_cleanly_until_ready

exit_cleanly_until_ready()

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import structlog

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.store import own
from feature_extractor.cache.writer import GroupCommitWriter
from feature_extractor.conversions import limits_message, trunk_message
from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.metrics import ExtractorCollector, StageTimes
from feature_extractor.pipeline.admission import Admission, Bounds
from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.pipeline.decode_pool import DecodePool
from feature_extractor.pipeline.extraction import Extraction
from feature_extractor.service import FeatureExtractorService
from feature_extractor.settings import ExtractorSettings
from feature_extractor.settled_memory import settle_memory
from feature_extractor.trunks.graph_export import GraphExporter
from feature_extractor.trunks.loading import LoadedTrunk, load_trunk
from feature_extractor.trunks.priority import step_back
from feature_extractor.trunks.weights.record import TrunkRequest
from graft.serving.closing import closing_in_thread
from graft.serving.settings import load_settings
from graft.serving.stage import run_stage
from graft.v1 import feature_extractor_pb2, feature_extractor_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import CollectorRegistry

    from graft.serving.server import StageServer

_SERVICE = feature_extractor_pb2.DESCRIPTOR.services_by_name["FeatureExtractorService"].full_name
# Pictures of streams that are decoded, or about to be: three full batches keep the trunk fed, more would only cost
# memory.
_STREAM_PICTURES = 96
# Decoding threads that take no bulk picture, beside those that take any.
_INTERACTIVE_THREADS = 1
_log = structlog.get_logger("feature_extractor")


@asynccontextmanager
async def open_extractor(
    settings: ExtractorSettings, server: StageServer, registry: CollectorRegistry
) -> AsyncIterator[None]:
    """Load the trunk, open the cache, serve; then close everything in the order that loses nothing."""
    owned = own(settings.home / "cache")  # first: loading a trunk for a cache that another has would be in vain
    try:
        loaded = await _load(settings)
    except BaseException:
        owned.release()
        raise
    trunk = loaded.trunk
    times = StageTimes(registry)
    async with closing_in_thread() as closing:  # in the reverse order
        cache = await asyncio.to_thread(  # it reads when each vector was used last
            FeatureCache,
            settings.home / "cache",
            fingerprint=trunk.identity.fingerprint,
            dimensions=trunk.dimensions,
            size_limit_bytes=settings.cache_limit_bytes,
            owned=owned,
        )
        closing.callback(cache.close)
        writer = GroupCommitWriter(cache.put_many, capacity=2 * settings.queue_pictures)
        closing.callback(writer.close)
        batcher = Batcher(
            trunk,
            sizes=[size for size in trunk.buckets if size <= settings.max_batch],
            concurrency=trunk.concurrency,
            reserve=trunk.reserve,
            max_batch_s=settings.max_batch_ms / 1000,
            observe=times.computed,
        )
        closing.callback(batcher.close)
        pool = DecodePool(settings.decode_threads or os.cpu_count() or 1, reserved=_INTERACTIVE_THREADS)
        closing.callback(pool.close)
        extraction = Extraction(
            cache=cache,
            decode=loaded.prepare,
            batcher=batcher,
            write=writer.submit,
            pool=pool,
            admission=Admission(Bounds.of(settings.queue_pictures, settings.queue_bytes, _STREAM_PICTURES)),
            max_image_bytes=settings.max_image_bytes,
            observer=times,
        )
        closing.callback(extraction.close)
        registry.register(ExtractorCollector(extraction, batcher, cache))
        service = FeatureExtractorService(
            extraction,
            cache,
            trunk_message(loaded),
            limits_message(settings),
            message_bytes=settings.queue_bytes,
            graphs=GraphExporter(settings.home, loaded.resolution),
        )
        feature_extractor_pb2_grpc.add_FeatureExtractorServiceServicer_to_server(service, server.handlers)
        yield


async def _load(settings: ExtractorSettings) -> LoadedTrunk:
    """Load and warm up in a thread; if the stage is stopped meanwhile, a fetch of weights is ended too."""
    request = _request(settings)
    limits = DecodeLimits(
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
        max_side_px=settings.max_image_side_px,
        accept_truncated=settings.accept_truncated,
    )
    stop = threading.Event()

    def load() -> LoadedTrunk:
        loaded = load_trunk(
            settings.home,
            request,
            limits=limits,
            threads=settings.trunk_threads,
            device=settings.device,
            cpu_fallback=settings.cpu_fallback,
            graph_mode=settings.graph_mode,
            stop=stop,
        )
        loaded.trunk.warm_up()
        settle_memory()
        return loaded

    # A thread of its own: the engine's are its children, and give way as it does.
    loader = ThreadPoolExecutor(1, "loading", initializer=step_back)
    loading = asyncio.get_running_loop().run_in_executor(loader, load)
    loader.shutdown(wait=False)
    try:
        loaded = await asyncio.shield(loading)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait({loading})  # for as long as the stage allows
        loading.exception()  # what stopping it raised is no news
        raise
    identity = loaded.resolution.identity
    _log.info(
        "trunk",
        why=loaded.resolution.reason,
        layer=identity.layer,
        precision=identity.precision,
        engine=identity.engine,
        device=loaded.trunk.device,
        fingerprint=identity.fingerprint.hex(),
    )
    return loaded


def _request(settings: ExtractorSettings) -> TrunkRequest:
    return TrunkRequest(
        settings.weights,
        settings.layer,
        settings.precision,
        engine=settings.engine,
        graph_input=settings.graph_input,
        graph_output=settings.graph_output,
    )


def main() -> None:
    """Run the stage until it is told to stop."""
    settings = load_settings(ExtractorSettings, "feature_extractor")
    run_stage("feature_extractor", settings, [_SERVICE], partial(open_extractor, settings))


if __name__ == "__main__":
    main()

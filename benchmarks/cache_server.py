"""The extractor's service over a cache that is there, without a trunk: every picture asked for must be cached.

    python benchmarks/cache_server.py DIRECTORY FINGERPRINT_HEX DIMENSIONS

It prints `listening on ADDRESS` and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from feature_extractor.cache.feature_cache import FeatureCache
from feature_extractor.cache.writer import GroupCommitWriter
from feature_extractor.pipeline.admission import Admission, Bounds
from feature_extractor.pipeline.batcher import Batcher
from feature_extractor.pipeline.decode_pool import DecodePool
from feature_extractor.pipeline.extraction import Extraction
from feature_extractor.service import FeatureExtractorService
from graft.serving.testing import serving
from graft.v1 import feature_extractor_pb2 as pb
from graft.v1 import feature_extractor_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from collections.abc import Sequence

_BYTES = 512 << 20
_PICTURES = 512


def not_cached(*_: object) -> NoReturn:
    """Stand for decoder and trunk."""
    raise RuntimeError("a picture was asked for that is not in the cache")


async def serve(arguments: Sequence[str]) -> None:
    """Open, serve, close."""
    directory, fingerprint, dimensions = Path(arguments[0]), bytes.fromhex(arguments[1]), int(arguments[2])
    with ExitStack() as closing:
        cache = FeatureCache(directory, fingerprint=fingerprint, dimensions=dimensions)
        closing.callback(cache.close)
        writer = GroupCommitWriter(cache.put_many)
        closing.callback(writer.close)
        batcher = Batcher(not_cached)
        closing.callback(batcher.close)
        pool = DecodePool(1)
        closing.callback(pool.close)
        extraction = Extraction(
            cache=cache,
            decode=not_cached,
            batcher=batcher,
            write=writer.submit,
            pool=pool,
            admission=Admission(Bounds.of(_PICTURES, _BYTES, _PICTURES)),
            max_image_bytes=_BYTES,
        )
        closing.callback(extraction.close)
        trunk = pb.Trunk(fingerprint=fingerprint, dimensions=dimensions)
        limits = pb.ExtractionLimits(max_images_per_request=256, max_image_bytes=_BYTES)
        service = FeatureExtractorService(extraction, cache, trunk, limits, message_bytes=_BYTES)
        async with serving(lambda server: pb_grpc.add_FeatureExtractorServiceServicer_to_server(service, server)) as at:
            print(f"listening on {at}", flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1:]))

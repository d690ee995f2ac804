"""The fingerprint: equal for equal identities, different as soon as anything that matters differs."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from feature_extractor.trunks.identity import TrunkIdentity

IDENTITY = TrunkIdentity("ab" * 32, "mixed7", "pil-antialias-299-v1", 299, "bfloat16", "tensorflow")


def test_fingerprint_is_the_cut_hash_of_canonical_json() -> None:
    """The bytes are fixed by the documented form, so that another program can compute them."""
    canonical = (
        '{"engine":"tensorflow","input_size_px":299,"layer":"mixed7","precision":"bfloat16",'
        f'"preprocessing":"pil-antialias-299-v1","weights_sha256":"{"ab" * 32}"}}'
    )
    assert IDENTITY.fingerprint == hashlib.sha256(canonical.encode()).digest()[:16]
    assert len(IDENTITY.fingerprint) == 16


@pytest.mark.parametrize(
    "other",
    [
        replace(IDENTITY, weights_sha256="cd" * 32),
        replace(IDENTITY, layer="avg_pool"),
        replace(IDENTITY, preprocessing="pil-antialias-299-v2"),
        replace(IDENTITY, input_size_px=224),
        replace(IDENTITY, precision="float32"),
        replace(IDENTITY, engine="jax"),
    ],
)
def test_every_field_changes_the_fingerprint(other: TrunkIdentity) -> None:
    """Vectors of trunks that differ in any one field never share a fingerprint."""
    assert other.fingerprint != IDENTITY.fingerprint

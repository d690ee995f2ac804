"""Pictures that differ for a cache and are the same for a decoder."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from bench.answers import Findings, WrongAnswerError
from bench.pictures import photograph, variant
from bench.supply import Supply
from PIL import Image

from graft.v1 import feature_extractor_pb2 as pb


def test_variants_decode_to_the_same_pixels_under_other_digests() -> None:
    """A comment in the file changes its digest and nothing that a decoder sees."""
    picture = photograph(0, 64, 48)
    one, other = variant(picture, 1), variant(picture, 2)
    assert len({hashlib.sha256(each).digest() for each in (picture, one, other)}) == 3
    pixels = [np.asarray(Image.open(io.BytesIO(each))) for each in (picture, one, other)]
    assert np.array_equal(pixels[0], pixels[1])
    assert np.array_equal(pixels[0], pixels[2])


def test_new_pictures_never_repeat_and_known_ones_always_do() -> None:
    """Nothing new is in the known set or was given out before; the known set is taken in turns."""
    supply = Supply([photograph(seed, 16, 16) for seed in range(2)], first=1000)
    new = supply.take(50) + supply.take(50)
    known = supply.take(3, known=4, turn=0) + supply.take(3, known=4, turn=1)
    assert len(set(new)) == 100
    assert known == [supply.known(index) for index in (0, 1, 2, 3, 0, 1)]
    assert not set(new) & set(known)
    assert supply.known_digests(2) == [hashlib.sha256(each).digest() for each in known[:2]]


def answer(vector: bytes) -> pb.ExtractFeaturesResponse:
    """An answer with one vector of two values."""
    result = pb.FeatureResult(vector=vector)
    return pb.ExtractFeaturesResponse(fingerprint=b"f" * 16, dimensions=2, results=[result])


def test_answers_are_looked_at() -> None:
    """A good vector counts; a short one, one of nothing but zeros and an error are no answers."""
    found = Findings()
    found.look_at([answer(np.array([1, 2], "<f4").tobytes())], 1)
    assert found.summary()["pictures"] == 1
    for wrong in (b"", np.zeros(2, "<f4").tobytes(), np.array([1, np.nan], "<f4").tobytes()):
        with pytest.raises(WrongAnswerError):
            Findings().look_at([answer(wrong)], 1)
    failed = pb.ExtractFeaturesResponse(results=[pb.FeatureResult()])
    failed.results[0].error.code = 3
    with pytest.raises(WrongAnswerError, match="answered with 3"):
        Findings().look_at([failed], 1)


def test_answers_of_two_trunks_are_refused() -> None:
    """A measurement whose answers have two fingerprints has measured nothing."""
    found, other = Findings(), answer(np.ones(2, "<f4").tobytes())
    found.look_at([other], 1)
    other.fingerprint = b"g" * 16
    found.look_at([other], 1)
    with pytest.raises(WrongAnswerError, match="trunks"):
        found.summary()

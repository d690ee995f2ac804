"""Which part of a dataset a picture belongs to, from its digest alone.

The part is a pure function of the digest: about 70 % training, 10 % validation, 20 % test. So it does not depend on
names, folders, labels, the order of import or the other pictures: renaming or moving files moves nobody, a duplicate
is on the same side wherever it lies, and a picture that is removed and imported again lands where it was, in any
dataset of any installation. The part is stored with the example when it is imported, and the stored part counts.

Why not stratified by class, which would give ten pictures 7/1/2 exactly: the place of a newcomer would then depend on
what was imported before it, so two imports of one folder could differ, and a test picture removed and imported again
could come back as a training picture, which makes the accuracies of two versions incomparable. The price is chance.
With 10 pictures a class, a class is without a training picture in 0.3^10 = 6 in a million cases and without a test
picture in 0.8^10 = 11 of 100; with 400 pictures the test part has 80 ± 8. Tiny sets may have an empty part (20
pictures have no validation picture in 12 of 100 cases); training then says which part wants more pictures.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

TRAINING_SHARE = 0.7
VALIDATION_SHARE = 0.1
_CONSTANT = b"graft/split/1:"


class Part(StrEnum):
    """The part of a dataset that an example serves in."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


def part_of(digest: bytes) -> Part:
    """Return the part of the picture with this digest (32 bytes).

    u = the first 8 bytes of SHA-256(constant + digest), big-endian, divided by 2^64, is uniform in [0, 1). The digest
    is hashed once more so that made-up digests spread as well as real ones.
    """
    u = int.from_bytes(hashlib.sha256(_CONSTANT + digest).digest()[:8], "big") / 2**64
    if u < TRAINING_SHARE:
        return Part.TRAINING
    if u < TRAINING_SHARE + VALIDATION_SHARE:
        return Part.VALIDATION
    return Part.TEST

"""Which part of a dataset a picture belongs to where nothing else says so: its digest alone does.

About 70 % are training, 10 % validation, 20 % test. So the part does not depend on names, folders, labels, the order of
import or the other pictures: renaming or moving files moves nobody, and a picture lands in the same part in any dataset
of any installation. What goes before the digest, in this order, is told in `trainer.catalog.parts`: the part that the
picture has already, the parts that the caller allows, and the part of a near duplicate. The part is stored with the
example when it is imported, and the stored part counts.

Why not stratified by class, which would give ten pictures 7/1/2 exactly: the place of a newcomer would then depend on
what was imported before it, so two imports of one folder could differ. The price is chance. With 10 pictures a class, a
class is without a training picture in 0.3^10 = 6 in a million cases and without a test picture in 0.8^10 = 11 of 100;
with 400 pictures the test part has 80 ± 8. Tiny sets may have an empty part (20 pictures have no validation picture in
12 of 100 cases); training then says which part wants more pictures.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_CONSTANT = b"graft/split/1:"


class Part(StrEnum):
    """The part of a dataset that an example serves in."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


SHARES = {Part.TRAINING: 0.7, Part.VALIDATION: 0.1, Part.TEST: 0.2}
"""What share of the pictures each part gets."""


def part_of(digest: bytes, allowed: Collection[Part] = ()) -> Part:
    """Return the part of the picture with this digest (32 bytes), one of those allowed; none given means any.

    u = the first 8 bytes of SHA-256(constant + digest), big-endian, divided by 2^64, is uniform in [0, 1). The digest
    is hashed once more so that made-up digests spread as well as real ones. The allowed parts divide [0, 1) among them
    by their shares, in the order training, validation, test.
    """
    u = int.from_bytes(hashlib.sha256(_CONSTANT + digest).digest()[:8], "big") / 2**64
    open_to = [part for part in SHARES if part in allowed] or list(SHARES)
    whole = sum(SHARES[part] for part in open_to)
    end = 0.0
    for part in open_to[:-1]:
        end += SHARES[part]
        if u < end / whole:
            return part
    return open_to[-1]

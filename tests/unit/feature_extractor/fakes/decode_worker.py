"""Decodes what it is sent in a process of its own: a crash, a hang or a flood of memory is then a finding, not an end.

Run as a script. In: a length of 4 bytes (little-endian), then that many bytes: one byte of options (bit 0: accept what
is cut short, bit 1: draw a view as well), then the picture. Out: a length likewise, then a line that starts with `ok`,
`refused REASON` or `wrong`, and tells the peak resident memory in KiB.
"""

from __future__ import annotations

import hashlib
import re
import resource
import struct
import sys
import traceback
from pathlib import Path

import numpy as np

from feature_extractor.decoding.images import DecodeLimits, decode
from feature_extractor.decoding.views import View, draw
from graft.errors import InvalidArgumentError

MAX_PIXELS = 4_000_000
ADDRESS_SPACE_BYTES = 2 * 2**30  # what the libraries map and never touch counts as well


def outcome(options: int, content: bytes) -> str:
    """What decoding the picture gives, in words."""
    limits = DecodeLimits(max_bytes=2**22, max_pixels=MAX_PIXELS, accept_truncated=bool(options & 1))
    distortions = [draw(hashlib.sha256(content).digest(), View(1, 1))] if options & 2 else []
    try:
        decoded = decode(content, limits, distortions)
    except InvalidArgumentError as error:
        if isinstance(error.__cause__, MemoryError):
            return f"wrong: out of memory, {error.message}"
        return f"refused {error.reason}"
    except BaseException:  # noqa: BLE001  # whatever else is raised is what is looked for
        return "wrong: " + " | ".join(traceback.format_exc().splitlines()[-6:])
    for pixels in (decoded.pixels, *decoded.views):
        if pixels.shape != (299, 299, 3) or pixels.dtype != np.uint8:
            return f"wrong: {pixels.dtype}{pixels.shape}"
    if not decoded.preview.startswith(b"\xff\xd8\xff") or len(decoded.views) != len(distortions):
        return "wrong: no preview, or views that were not asked for"
    return "ok"


def peak_resident_kib() -> int:
    """The most memory that this program had, in KiB: unlike ru_maxrss not what its parent had when it forked."""
    status = Path("/proc/self/status")
    if status.exists() and (peak := re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)):
        return int(peak[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


def main() -> None:
    """Answer until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while head := incoming.read(4):
        message = incoming.read(*struct.unpack("<I", head))
        said = outcome(message[0], message[1:])
        line = f"{said} ({peak_resident_kib()} KiB)".encode()
        outgoing.write(struct.pack("<I", len(line)) + line)
        outgoing.flush()


if __name__ == "__main__":
    main()

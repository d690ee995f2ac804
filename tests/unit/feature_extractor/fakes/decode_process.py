"""The fuzz test's end of the worker: sends pictures, waits no longer than one may take, replaces the dead."""

from __future__ import annotations

import contextlib
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

_WORKER = Path(__file__).with_name("decode_worker.py")
_NOTES_BYTES = 2000


class Worker:
    """One process that decodes, restarted after each finding."""

    def __init__(self, *, patience_s: float, notes: Path) -> None:
        """With the seconds that one picture may take, and a file for what the process says as it dies."""
        self._patience_s = patience_s
        self._notes = notes
        self._process: subprocess.Popen[bytes] | None = None

    def outcome(self, options: int, content: bytes) -> str:
        """What decoding gave: `ok …`, `refused REASON …` or `wrong: …`; the last also if it hangs or dies."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(struct.pack("<IB", len(content) + 1, options) + content)
            process.stdin.flush()
        except BrokenPipeError:
            return self._death(process)
        deadline = time.monotonic() + self._patience_s
        head = self._read(process, 4, deadline)
        line = self._read(process, struct.unpack("<I", head)[0], deadline) if head is not None else None
        if line is not None:
            return line.decode()
        if process.poll() is None and time.monotonic() >= deadline:
            self.close()
            return f"wrong: it hangs; nothing came within {self._patience_s} s"
        return self._death(process)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):  # the rest of a picture that nobody reads any more
                        pipe.close()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            with self._notes.open("wb") as notes:
                self._process = subprocess.Popen(
                    [sys.executable, "-X", "faulthandler", str(_WORKER)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=notes,
                    bufsize=-1,
                )
        return self._process

    def _read(self, process: subprocess.Popen[bytes], size: int, deadline: float) -> bytes | None:
        """So many bytes, None if the process died or time is up."""
        assert process.stdout is not None
        read = b""
        while len(read) < size:
            ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                return None
            more = process.stdout.raw.read(size - len(read))  # type: ignore[attr-defined]  # unbuffered: select sees all
            if not more:
                return None
            read += more
        return read

    def _death(self, process: subprocess.Popen[bytes]) -> str:
        code = process.wait()
        self.close()
        return f"wrong: it died with {code}: {self._notes.read_text(errors='replace')[-_NOTES_BYTES:]}"

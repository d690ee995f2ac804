"""A dataset as a table in a file: a row an example, with digest, label, part and source; CSV or JSON lines.

Both are read and written row by row. In CSV the first line names the columns; in JSON lines each line is an object with
those names. `docs/formats.md` describes them.
"""

from __future__ import annotations

import csv
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from graft.client.pictures import LabelledPicture, unreadable
from graft.client.records import Part
from graft.durable_files import sync_directory
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graft.client.records import Example

COLUMNS: Final = ("digest", "label", "part", "source")
_SUFFIXES: Final = (".csv", ".jsonl")
_DIGEST: Final = re.compile("(?:[0-9a-fA-F]{64})?")
_PARTS: Final = {part.value: part for part in Part} | {"training": Part.TRAIN, "val": Part.VALIDATION}


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest to import; iterating yields its pictures, `len` tells how many.

    A row with a digest needs no bytes as long as the vector is cached. Where it is not, and for a row without a digest,
    the picture is read from its source: a path, from `root` if it is relative.

    Attributes:
        path: the file.
        root: the folder that relative sources start from.
        rows: how many examples it holds.
    """

    path: Path
    root: Path
    rows: int

    @classmethod
    def open(cls, path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Manifest:
        """Read the file once, to count its rows and find what is wrong; `root` is the file's own folder if None.

        Raises:
            InvalidArgumentError: INVALID_MANIFEST, naming the line; UNREADABLE_FILE.
        """
        file = Path(path)
        return cls(file, file.parent if root is None else Path(root), sum(1 for _ in _rows(file)))

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[LabelledPicture]:
        for _, row in _rows(self.path):
            part = _PARTS[row["part"]]
            yield LabelledPicture(
                row["label"],
                self.root / (row["source"] or row["digest"]),
                row["source"],
                (part,) if part else (),
                bytes.fromhex(row["digest"]),
            )


class ManifestWriter:
    """Writes a manifest under a temporary name beside it; `finish` gives it its own, `discard` takes it away."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Begin the file; its name ends in `.csv` or `.jsonl`.

        Raises:
            InvalidArgumentError: INVALID_MANIFEST, it does not.
            OSError: it cannot be made.
        """
        self._path = Path(path)
        self._is_csv = _suffix(self._path) == ".csv"
        self._temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        self._file: IO[str] = self._temporary.open("w", encoding="utf-8", newline="")
        self._csv = csv.writer(self._file)
        if self._is_csv:
            self._csv.writerow(COLUMNS)

    def write(self, examples: Iterable[Example]) -> None:
        """Add rows."""
        for each in examples:
            row = (each.digest_hex, each.label, each.part.value, each.source)
            if self._is_csv:
                self._csv.writerow(row)
            else:
                self._file.write(json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False) + "\n")

    def finish(self) -> None:
        """Write everything down and replace what had the file's name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        sync_directory(self._path.parent)

    def discard(self) -> None:
        """Leave nothing behind; the file of this name stays as it was."""
        self._file.close()
        with suppress(FileNotFoundError):
            self._temporary.unlink()


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise _invalid(path, 0, f"its name must end in {' or '.join(_SUFFIXES)}, which says what it is")
    return suffix


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row's line and its values by column, empty where it has none."""
    read = _csv_rows if _suffix(path) == ".csv" else _json_rows
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, found in read(path, file):
                yield line, _checked(path, line, found)
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise _invalid(path, 0, f"it is not UTF-8: {error.reason} at byte {error.start}") from error


def _csv_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file)
    try:
        if not {"label"} <= set(reader.fieldnames or ()) or not {"digest", "source"} & set(reader.fieldnames or ()):
            raise _invalid(path, 1, f"the first line must name the columns: {','.join(COLUMNS)}")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise _invalid(path, reader.line_num, str(error)) from error


def _json_rows(path: Path, file: IO[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _invalid(path, number, f"it is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise _invalid(path, number, "it is not a JSON object")
        yield number, row


def _checked(path: Path, line: int, found: dict[str, Any]) -> dict[str, str]:
    row = {column: found.get(column) or "" for column in COLUMNS}
    wrong = [column for column, value in row.items() if not isinstance(value, str)]
    if wrong:
        raise _invalid(path, line, f"{wrong[0]} is no text")
    if not _DIGEST.fullmatch(row["digest"]):
        raise _invalid(path, line, f"{row['digest']!r} is not a SHA-256 in 64 hexadecimal digits")
    if not row["digest"] and not row["source"]:
        raise _invalid(path, line, "it has neither digest nor source")
    if row["part"] not in _PARTS:
        raise _invalid(path, line, f"{row['part']!r} is no part: train, validation, test, or nothing")
    return row


def _invalid(path: Path, line: int, problem: str) -> InvalidArgumentError:
    place = f"{path}, line {line}" if line else f"{path}"
    return InvalidArgumentError(f"{place}: {problem}", reason="INVALID_MANIFEST")

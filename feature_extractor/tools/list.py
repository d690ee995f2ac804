"""`graft trunk list`: the trunks a home has on record, and the files it keeps for them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_extractor.tools.kept import kept_files, recorded
from feature_extractor.tools.printing import complain, say, say_json, say_table, size
from feature_extractor.trunks.quantised.store import damaged_manifests, list_quantised

if TYPE_CHECKING:
    from feature_extractor.trunks.weights.record import Resolution


def main(arguments: list[str]) -> int:
    """Print what the home holds; reads the record and the names of files, no weights."""
    parser = argparse.ArgumentParser(prog="graft trunk list", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="directory of all state")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    known = recorded(options.home)
    kept = kept_files(options.home / "weights", known)
    quantised = list_quantised(options.home)
    for path, problem in damaged_manifests(options.home):
        complain(f"{path} is damaged, and so its 8-bit trunk is left out: {problem}")
    if options.json:
        say_json(
            {
                "trunks": [_facts(each) for each in known],
                "files": [{"path": str(each.path), "size_bytes": each.size_bytes} for each in kept],
                "quantised": [
                    {"folder": str(each.folder), "sha256": each.sha256, "manifest": each.manifest} for each in quantised
                ],
            }
        )
        return 0
    if known:
        say_table(
            ("fingerprint", "weights", "layer or tensor", "precision", "engine", "asked for"),
            (_row(each) for each in known),
        )
    else:
        say(f"no trunk is on record in {options.home}: the first start of the extractor chooses one")
    for file in kept:
        say(f"{file.path}  {size(file.size_bytes)}")
    for trunk in quantised:
        say(f"{trunk.folder}  8-bit, made from {trunk.manifest.weights} at {trunk.layer}, {trunk.manifest.made_at}")
    return 0


def _row(known: Resolution) -> tuple[str, ...]:
    identity = known.identity
    return (
        identity.fingerprint.hex(),
        known.weights,
        identity.layer,
        identity.precision,
        identity.engine,
        _request(known),
    )


def _request(known: Resolution) -> str:
    asked = known.request
    options = (
        ("layer", asked.layer),
        ("engine", asked.engine),
        ("precision", asked.precision),
        ("graph-input", asked.graph_input),
        ("graph-output", asked.graph_output),
    )
    return " ".join([asked.weights, *(f"--{name} {value}" for name, value in options if value not in ("", "auto"))])


def _facts(known: Resolution) -> dict[str, Any]:
    identity = known.identity
    return {
        "fingerprint": identity.fingerprint.hex(),
        "weights": known.weights,
        "weights_sha256": identity.weights_sha256,
        "layer": identity.layer,
        "preprocessing": identity.preprocessing,
        "input_size_px": identity.input_size_px,
        "precision": identity.precision,
        "engine": identity.engine,
        "quantised_from": known.quantised_from,
        "asked_for": known.request,
        "reason": known.reason,
    }

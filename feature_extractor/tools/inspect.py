"""`graft trunk inspect FILE`: what a frozen graph holds, and which of its tensors a trunk could use."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.tools.printing import say, say_json, say_table, size
from feature_extractor.trunks.engines.choice import TENSORFLOW, require_engine

if TYPE_CHECKING:
    from feature_extractor.trunks.graphdef.candidates import Candidate
    from feature_extractor.trunks.graphdef.inspection import Inspection

_SHOWN = 12


def main(arguments: list[str]) -> int:
    """Print what is in the file; 0 also when operations are refused: saying so is what it is for."""
    parser = argparse.ArgumentParser(prog="graft trunk inspect", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, help="not used: a file is looked at wherever it is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    require_engine(TENSORFLOW)
    from feature_extractor.trunks.graphdef.inspection import inspect_graph

    found = inspect_graph(options.file)
    if options.json:
        say_json(found)
    else:
        _print(found)
    return 0


def _print(found: Inspection) -> None:
    types = [f"{op} {count}" for op, count in found.types.items()]
    more = f", and {len(types) - _SHOWN} more types" if len(types) > _SHOWN else ""
    say(f"{found.path}: {size(found.size_bytes)}, SHA-256 {found.sha256}")
    say(f"{found.operations} operations of GraphDef version {found.producer}: {', '.join(types[:_SHOWN])}{more}")
    if found.functions:
        say(f"{found.functions} functions")
    for each in found.refused:
        inside = f" of function {each.function}" if each.function else ""
        say(f"REFUSED: {each.op}, {each.count} nodes, first {each.node}{inside}")
    if found.problem:
        say(f"CANNOT BE IMPORTED: {found.problem}")
    say("")
    _print_candidates("input tensors (--graph-input)", found.inputs)
    say("")
    _print_candidates("bottleneck tensors (--graph-output)", found.vectors)
    if found.batches is not None:
        how = "allows batches" if found.batches else "allows --graph-mode faithful only"
        say("")
        say(f"from {found.inputs[0].tensor} to {found.vectors[0].tensor} its structure {how}")


def _print_candidates(title: str, candidates: tuple[Candidate, ...]) -> None:
    if not candidates:
        say(f"{title}: none found")
        return
    say(f"{title}:")
    say_table(
        ("  tensor", "type", "shape", "what it is"),
        ((f"  {each.tensor}", each.dtype, _shape(each), _why(each)) for each in candidates),
    )


def _shape(candidate: Candidate) -> str:
    if candidate.shape is None:
        return "?"
    return f"[{', '.join('any' if size is None else str(size) for size in candidate.shape)}]"


def _why(candidate: Candidate) -> str:
    return candidate.why if candidate.usable else f"not usable: {candidate.why}"

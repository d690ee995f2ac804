"""`graft trunk quantize --from FOLDER`: an 8-bit trunk, calibrated on the user's pictures, its losses printed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from feature_extractor.decoding.images import DecodeLimits
from feature_extractor.tools.printing import complain, say, say_table
from feature_extractor.trunks.engines.choice import OPENVINO, TENSORFLOW, require_engine
from feature_extractor.trunks.quantised.making import build_float32, make_quantised, work_folder
from feature_extractor.trunks.quantised.pictures import read_pictures
from feature_extractor.trunks.weights.files import SUFFIXES
from feature_extractor.trunks.weights.graphs import SUFFIX as GRAPH_SUFFIX
from feature_extractor.trunks.weights.record import AUTO
from graft.errors import InvalidArgumentError

if TYPE_CHECKING:
    from feature_extractor.trunks.quantised.manifest import Manifest

_FEW_TO_CALIBRATE = 100
_FEW_TO_MEASURE = 50


def main(arguments: list[str]) -> int:
    """Make, measure and keep an 8-bit trunk."""
    parser = argparse.ArgumentParser(prog="graft trunk quantize", description=__doc__)
    parser.add_argument("--from", dest="folder", type=Path, required=True, help="pictures like those to come")
    parser.add_argument("--home", type=Path, default=_home(), help="directory of all state")
    parser.add_argument("--weights", default=AUTO, help="weights to start from, as the extractor takes them")
    parser.add_argument("--layer", default="", help="layer that is the vector; empty for the weights' own")
    parser.add_argument("--pictures", type=int, default=300, metavar="N", help="pictures to calibrate on (300)")
    options = parser.parse_args(arguments)
    home, folder = options.home.expanduser().absolute(), options.folder.expanduser()
    if options.pictures < 1:
        raise InvalidArgumentError("--pictures must be at least 1", reason="PICTURES_RANGE")
    weights = weights_of(options.weights)
    for engine in (TENSORFLOW, OPENVINO):  # missed now, and not after minutes
        require_engine(engine)
    pictures = read_pictures(folder, options.pictures, DecodeLimits())
    for text in pictures.skipped:
        complain(f"skipped {text}")
    home.mkdir(parents=True, exist_ok=True)
    with work_folder(home) as work:
        trunk = build_float32(home, weights, options.layer)
        complain(trunk.reason)
        made = make_quantised(home, work, trunk, pictures, complain)
    say(f"{made.folder}: {made.manifest.weights} at {made.layer} in 8 bits, SHA-256 {made.sha256}")
    print_losses(made.manifest)
    say("an extractor started with --precision int8 on this home runs it")
    return 0


def print_losses(manifest: Manifest) -> None:
    """Tables of what the 8 bits cost on these pictures, and how far the figures can be trusted."""
    cosine, head = manifest.cosine, manifest.head
    if manifest.pictures < _FEW_TO_CALIBRATE:
        say(f"calibrated on {manifest.pictures} pictures only: with {_FEW_TO_CALIBRATE} or more it loses less")
    say("")
    say_table(
        ("cosine of 8-bit and float32 vectors", "pictures", "median", "1st percentile", "minimum"),
        [
            (
                "pictures not calibrated on",
                cosine.pictures,
                f"{cosine.median:.5f}",
                f"{cosine.percentile_1:.5f}",
                f"{cosine.minimum:.5f}",
            )
        ],
    )
    if cosine.pictures < _FEW_TO_MEASURE:
        say(f"measured on {cosine.pictures} pictures only: the 1st percentile says no more than the minimum")
    say("")
    if head is None:
        say("a head was not compared: that takes two labels (subfolders) of at least five pictures each")
        return
    say_table(
        ("linear head", "labels", "pictures", "float32", "8-bit", "difference", "95 % interval"),
        [
            (
                f"{head.folds}-fold accuracy",
                head.labels,
                head.pictures,
                f"{head.accuracy_float32:.4f}",
                f"{head.accuracy_int8:.4f}",
                f"{head.points:+.2f} points",
                f"{head.points_low:+.2f} to {head.points_high:+.2f}",
            )
        ],
    )


def _home() -> Path:
    return Path(os.environ.get("GRAFT_HOME", "~/.graft"))


def weights_of(asked: str) -> str:
    """The weights as asked for, a file's path made absolute.

    Raises:
        InvalidArgumentError: ENGINE_UNSUPPORTED, for a frozen graph.
    """
    if Path(asked).suffix == GRAPH_SUFFIX:
        raise InvalidArgumentError(
            "a frozen graph cannot be quantised: give weights of another kind", reason="ENGINE_UNSUPPORTED"
        )
    if Path(asked).suffix in SUFFIXES:
        return str(Path(asked).expanduser().absolute())
    return asked

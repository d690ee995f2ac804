"""`python -m feature_extractor.tools VERB ...`: runs a tool; an error is one line with its reason, exit code 1."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from feature_extractor.tools.printing import complain
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS: Final = ("inspect", "fetch", "list", "verify", "quantize")

_USAGE: Final = 2
_INTERRUPTED: Final = 128 + signal.SIGINT
_QUIET: Final = {
    "TF_CPP_MIN_LOG_LEVEL": "2",  # TensorFlow's notes about itself would bury what is printed; errors come through
    "CUDA_VISIBLE_DEVICES": "-1",  # a tool takes no GPU's memory from an extractor that runs
    "JAX_PLATFORMS": "cpu",  # as above
}


def main(arguments: Sequence[str]) -> int:
    """Run the tool that the first argument names with the rest; returns the exit code."""
    if not arguments or arguments[0] not in VERBS:
        complain(f"graft: give one of {', '.join(VERBS)}")
        return _USAGE
    tool = importlib.import_module(f"feature_extractor.tools.{arguments[0]}")
    try:
        code: int = tool.main(list(arguments[1:]))
    except GraftError as error:
        complain(f"graft: {error.message} [{error.reason}]")
        for violation in getattr(error, "violations", ()):
            complain(f"  {violation.subject}: {violation.description}")
        return 1
    except OSError as error:  # a file of the user's, or a full disk
        where = f" {os.fsdecode(error.filename)}" if error.filename else " a file"
        complain(f"graft: cannot use{where}: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code


if __name__ == "__main__":
    os.environ.update(_QUIET)
    sys.exit(main(sys.argv[1:]))

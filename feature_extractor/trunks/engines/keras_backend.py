"""Imports Keras on the backend that an engine needs, in this process and no other."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from graft.errors import FailedPreconditionError

_VARIABLE: Final = "KERAS_BACKEND"


def import_keras(backend: str) -> Any:
    """Keras on `tensorflow` or `jax`, whatever the user's own Keras settings say.

    Keras reads its backend once, when it is first imported; the variable is put back at once, for the sake of
    processes that this one starts.

    Raises:
        FailedPreconditionError: WRONG_KERAS_BACKEND, Keras runs on another backend in this process already.
    """
    if "keras" not in sys.modules:
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = backend
        try:
            import keras
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before
    import keras  # the same module; the one above is imported for its effect

    if keras.config.backend() != backend:
        raise FailedPreconditionError(
            f"the trunk shall run on {backend}, but Keras was imported on {keras.config.backend()} in this process; "
            "start another process",
            reason="WRONG_KERAS_BACKEND",
        )
    return keras

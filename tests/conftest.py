"""What tests of every kind share: the nsfwjs weights, fetched once for a checkout."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's start-up notes would bury a failure's own text

FIXTURES = Path(__file__).parent / "fixtures"
WEIGHTS_CACHE = Path(__file__).parents[1] / "var" / "cache" / "weights"


def absent(what: str, variable: str) -> NoReturn:
    """Skip the test, or fail it where the environment variable says that nothing may be missing."""
    if os.environ.get(variable) == "1":
        pytest.fail(f"{what}; {variable}=1 forbids skipping")
    pytest.skip(what)


@pytest.fixture(scope="session", name="absent")
def absent_in_fixtures() -> Callable[[str, str], NoReturn]:
    """`absent`, for tests and fixtures of other files."""
    return absent


@pytest.fixture(scope="session")
def nsfwjs_weights_folder() -> Path:
    """A folder that holds the imported nsfwjs weights, as HOME/weights does; fetched at first use, then reused."""
    from feature_extractor.trunks.architecture import Network
    from feature_extractor.trunks.weights.sources import Nsfwjs

    try:
        Nsfwjs().arrays(WEIGHTS_CACHE, Network().specs, "", threading.Event())
    except GraftError as error:
        absent(f"the nsfwjs weights are not to be had: {error}", "GRAFT_REQUIRE_WEIGHTS")
    return WEIGHTS_CACHE


@pytest.fixture(scope="session")
def fixtures_folder() -> Path:
    """The files that tests compare with."""
    return FIXTURES

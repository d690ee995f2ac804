"""Where the gateway is, unless a caller says so."""

from __future__ import annotations

import os
from typing import Final

DEFAULT_GATEWAY: Final = "127.0.0.1:50050"
VARIABLE: Final = "GRAFT_GATEWAY"


def gateway_address() -> str:
    """Return the environment's address, or the default: host:port."""
    return os.environ.get(VARIABLE) or DEFAULT_GATEWAY

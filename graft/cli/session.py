"""What a command knows: the home, the gateway's address, and the client it opens when it needs one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import typer

from graft.cli.supervisor.records import read_up

if TYPE_CHECKING:
    from pathlib import Path

    from graft.client import Client

_ADDRESS: Final = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})")
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Session:
    """What every command is told.

    Attributes:
        gateway: host:port; empty if nobody said.
        home: directory of the state.
    """

    gateway: str
    home: Path

    def address(self) -> str:
        """Return the gateway's address: as told, as `graft up` wrote it under the home, or the default."""
        if self.gateway:
            return self.gateway
        up = read_up(self.home)
        if up is not None and up.address_of("gateway"):
            return up.address_of("gateway")
        from graft.client.gateway import gateway_address

        return gateway_address()

    def client(self) -> Client:
        """Return a client; a context manager."""
        from graft.client import Client

        return Client(self.address())


def checked_address(text: str) -> str:
    """Return a gateway's address as it was given, or nothing.

    Raises:
        BadParameter: it is not HOST:PORT.
    """
    found = _ADDRESS.fullmatch(text)
    if text and not (found and 0 < int(found[1]) <= _LAST_PORT):
        raise typer.BadParameter(f"{text!r}: give HOST:PORT", param_hint="--gateway or GRAFT_GATEWAY")
    return text


def session_of(context: typer.Context) -> Session:
    """Return the session of a command."""
    session: Session = context.obj
    return session

"""What a command knows: the home, the gateway's address, and the client it opens when it needs one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.cli.supervisor.records import read_up

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from graft.client import Client


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


def session_of(context: typer.Context) -> Session:
    """Return the session of a command."""
    session: Session = context.obj
    return session

"""What an import sends: a picture as bytes or by its digest, and how much of it fits one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft.client import pictures, wire_records
from graft.v1 import trainer_pb2

if TYPE_CHECKING:
    from graft.client.pictures import Hashed
    from graft.errors import GraftError


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A picture to send, as bytes or by its digest alone."""

    hashed: Hashed
    as_bytes: bool

    @property
    def size_bytes(self) -> int:
        """What it adds to a message."""
        return self.hashed.size_bytes if self.as_bytes else len(self.hashed.digest)


def read_contents(picked: list[Outgoing], limit_bytes: int) -> list[bytes | GraftError | None]:
    """Return the bytes of what travels as bytes, why they cannot be sent, or None for the others."""
    return [pictures.read_item(each.hashed.item, limit_bytes) if each.as_bytes else None for each in picked]


def item_of(each: Outgoing, content: bytes | None) -> trainer_pb2.ImportItem:
    """Return the message of a picture: its bytes, or its digest if there are none."""
    item = trainer_pb2.ImportItem(
        label=each.hashed.item.label,
        source=pictures.legible(each.hashed.item.name),
        parts=[wire_records.wire_part(part) for part in each.hashed.item.parts],
    )
    if content is None:
        item.digest = each.hashed.digest
    else:
        item.content = content
    return item

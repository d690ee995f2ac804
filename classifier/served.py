"""The heads that are served: from the own copy at the start, then as the registry lists them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from classifier.catalogue import Catalogue, Listed, Served
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from classifier.heads import Head
    from classifier.store import HeadStore

    Fetch = Callable[[Listed], Awaitable[tuple[bytes, bytes]]]
    """Gets manifest and tensors of a version from the trainer; raises GraftError."""

_log: Final = logging.getLogger("classifier.served")


class ServedHeads:
    """Keeps catalogue, copies on disk and the record of both in step with what the registry lists.

    Attributes:
        catalogue: what is served now. It is replaced as a whole and never changed, so whoever takes it sees one state.
        registry_connected: whether the trainer's registry is being followed at this moment.
    """

    def __init__(self, store: HeadStore) -> None:
        self.catalogue = Catalogue()
        self.registry_connected = False
        self._store = store

    async def load(self) -> None:
        """Serve what was served before, as far as the copies are sound."""
        listed = await asyncio.to_thread(self._store.read_state)
        heads = [(each, await asyncio.to_thread(self._store.load, each)) for each in listed]
        if listed:
            await asyncio.to_thread(self._store.keep_only, listed)
        now = datetime.now(UTC)
        self.catalogue = Catalogue.of(Served(each, head, now) for each, head in heads if head)
        _log.info("serving %d of %d heads from the own copy", len(self.catalogue.entries), len(listed))

    async def follow(self, wanted: Sequence[Listed], fetch: Fetch) -> bool:
        """Serve exactly what is `wanted`; fetch what is lacking.

        A head that cannot be had does not stop the others: an alias that should point to it stays on the head it has,
        if that is still there, until a later call succeeds.

        Args:
            wanted: all that shall be served, whole.
            fetch: gets a version's files.

        Returns:
            Whether everything wanted is served.
        """
        have = {each: entry for each in wanted if (entry := self._loaded(each))}
        # Aliases that move between loaded heads, and what is taken away, need not wait for anything to be fetched.
        await self._switch(wanted, have)
        for each in wanted:
            if each not in have and (entry := await self._obtain(each, fetch)):
                have[each] = entry
                await self._switch(wanted, have)
        return len(have) == len(wanted)

    async def _switch(self, wanted: Sequence[Listed], have: dict[Listed, Served]) -> None:
        catalogue = Catalogue.of(_with_stand_ins(self.catalogue, [each for each in wanted if each not in have], have))
        if catalogue == self.catalogue:
            return
        listed = [entry.listed for entry in catalogue.entries]
        # First the record, then the switch, then the sweep: a kill between them costs a fetch at most.
        await asyncio.to_thread(self._store.write_state, listed)
        self.catalogue = catalogue
        await asyncio.to_thread(self._store.keep_only, listed)
        _log.info("serving %s", ", ".join(_name(each) for each in listed) or "no head")

    def _loaded(self, listed: Listed) -> Served | None:
        for entry in self.catalogue.entries:
            old = entry.listed
            if (old.classifier, old.version, old.manifest_sha256) == (
                listed.classifier,
                listed.version,
                listed.manifest_sha256,
            ):
                return Served(listed, entry.head, entry.load_time)
        return None

    async def _obtain(self, listed: Listed, fetch: Fetch) -> Served | None:
        try:
            head = await asyncio.to_thread(self._store.load, listed)
            if head is None:
                head = await self._fetch(listed, fetch)
        except (GraftError, OSError) as error:
            _log.error("%s cannot be served; it is tried again: %s", _name(listed), error)
            return None
        return Served(listed, head, datetime.now(UTC))

    async def _fetch(self, listed: Listed, fetch: Fetch) -> Head:
        manifest, tensors = await fetch(listed)
        return await asyncio.to_thread(self._store.save, listed, manifest, tensors)


def _with_stand_ins(present: Catalogue, lacking: Sequence[Listed], have: dict[Listed, Served]) -> list[Served]:
    """Return what to serve: all that is there, and what aliases point to now if their next head is lacking."""
    chosen = {(entry.listed.classifier, entry.listed.version): entry for entry in have.values()}
    waiting = {(each.classifier, alias) for each in lacking for alias in each.aliases}
    for entry in present.entries:
        old = entry.listed
        kept = {alias for alias in old.aliases if (old.classifier, alias) in waiting}
        key = (old.classifier, old.version)
        if kept:
            base = chosen.get(key, entry)
            own = base.listed.aliases if key in chosen else ()
            listed = replace(base.listed, aliases=tuple(sorted({*own, *kept})))
            chosen[key] = replace(base, listed=listed)
    return list(chosen.values())


def _name(listed: Listed) -> str:
    return f"{listed.classifier}/{listed.version} ({', '.join(listed.aliases)})"

"""Following a trainer over a real connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def serves(version: int, classifier: str = "faces") -> Any:
    """Return the condition that `classifier` answers with `version`."""
    return lambda served: any(
        (each.listed.classifier, each.listed.version) == (classifier, version) for each in served.catalogue.entries
    )


async def test_heads_follow_the_trainers_list(tmp_path: Path, trainer: Any, following: Any, make_head: Any) -> None:
    """A head is fetched when it is listed, replaced when the alias moves, and gone when it is listed no more."""
    async with following(tmp_path, trainer.address) as served:
        await served.until(lambda it: it.registry_connected)
        await trainer.fake.publish(make_head(version=1))
        await served.until(serves(1))
        await trainer.fake.publish(make_head(version=2))
        await served.until(serves(2))
        assert not serves(1)(served)
        await trainer.fake.publish()
        await served.until(lambda it: not it.catalogue.entries)
    assert trainer.fake.fetched == [1, 2]


async def test_serving_goes_on_without_the_trainer_and_catches_up_with_it(
    tmp_path: Path, trainer: Any, following: Any, make_head: Any
) -> None:
    """While the trainer is away the heads stay; when it is back, what changed meanwhile arrives."""
    await trainer.fake.publish(make_head(version=1))
    async with following(tmp_path, trainer.address) as served:
        await served.until(serves(1))
        await trainer.stop()
        await served.until(lambda it: not it.registry_connected)
        assert serves(1)(served)
        await trainer.fake.publish(make_head(version=2))
        await trainer.start()
        await served.until(serves(2))
        assert served.registry_connected


async def test_a_start_without_the_trainer_serves_the_own_copy(
    tmp_path: Path, trainer: Any, following: Any, make_head: Any
) -> None:
    """The aliases are those of before, and the registry is told to be away."""
    await trainer.fake.publish(make_head(version=4, aliases=("canary", "production")))
    async with following(tmp_path, trainer.address) as served:
        await served.until(serves(4))
    await trainer.stop()
    async with following(tmp_path, trainer.address) as served:
        assert served.catalogue.find("faces", "canary").listed.version == 4
        assert not served.registry_connected


async def test_a_head_that_fails_is_tried_again_by_itself(
    tmp_path: Path, trainer: Any, following: Any, make_head: Any
) -> None:
    """The others are served at once; the failing one comes when its files do, without another list."""
    trainer.fake.failing = {1}
    await trainer.fake.publish(make_head("bad", 1), make_head("good", 2))
    async with following(tmp_path, trainer.address) as served:
        await served.until(serves(2, "good"))
        async with trainer.fake.changed:
            await trainer.fake.changed.wait_for(lambda: trainer.fake.fetched.count(1) > 1)
        trainer.fake.failing = set()
        await served.until(serves(1, "bad"))


async def test_a_trainer_that_goes_in_mid_fetch_leaves_no_half_head(
    tmp_path: Path, trainer: Any, following: Any, make_head: Any
) -> None:
    """Nothing of the interrupted head is on disk or served; it is fetched whole when the trainer is back."""
    trainer.fake.hold = asyncio.Event()
    await trainer.fake.publish(make_head(version=1))
    async with following(tmp_path, trainer.address) as served:
        async with trainer.fake.changed:
            await trainer.fake.changed.wait_for(lambda: trainer.fake.fetched == [1])
        await trainer.stop()
        await served.until(lambda it: not it.registry_connected)
        assert not served.catalogue.entries
        assert not [path for path in (tmp_path / "served").rglob("*") if path.is_file()]
        trainer.fake.hold = None
        await trainer.start()
        await served.until(serves(1))


async def test_a_head_whose_name_is_a_path_is_left_out(
    tmp_path: Path, trainer: Any, following: Any, make_head: Any
) -> None:
    """A name that would lead out of the directory is refused, and the others are served."""
    evil, good = make_head("evil", 1), make_head("good", 2)
    object.__setattr__(evil.listed, "classifier", "../../evil")
    await trainer.fake.publish(evil, good)
    async with following(tmp_path, trainer.address) as served:
        await served.until(serves(2, "good"))
    assert trainer.fake.fetched == [2]

"""The registry: numbering, aliases, deletion, recovery, changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft.errors import AbortedError, DataLossError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.registry.changes import Change, ChangeKind
from trainer.registry.head_files import HeadDirectory
from trainer.registry.registry import Registry, heads

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.catalog.jobs import JobStore


def _network(value: float = 1.0) -> heads.Network:
    layer = heads.Layer(np.full((2, 2), value, "f4"), np.zeros(2, "f4"), "linear")
    return heads.Network(np.zeros(2, "f4"), np.ones(2, "f4"), (layer,))


def test_versions_count_upward_and_production_takes_the_first(registry: Registry) -> None:
    """The first version becomes production by itself; the next does not move it."""
    assert registry.publish("faces", 1, _network(), {}).aliases == ("production",)
    assert registry.publish("faces", 2, _network(), {}).version == 2
    assert registry.get_classifier("faces").aliases == (("production", 1),)
    assert [version.version for version in registry.aliased_versions()] == [1]


def test_read_head_returns_what_was_written(registry: Registry) -> None:
    """The files come back byte for byte, naming their classifier and version."""
    registry.publish("faces", 1, _network(7), {"labels": ["a", "b"]})
    files = registry.read_head("faces", 1)
    assert json.loads(files.manifest)["version"] == 1
    assert heads.read_network(files.manifest, files.tensors).layers[0].weight[0, 0] == 7


def test_deleted_numbers_are_never_given_again(registry: Registry) -> None:
    """After versions, and even the whole classifier, are deleted, counting goes on."""
    registry.publish("faces", 1, _network(), {})
    registry.publish("faces", 2, _network(), {})
    registry.delete_version("faces", 2)
    assert registry.publish("faces", 3, _network(), {}).version == 3
    registry.delete_classifier("faces")
    again = registry.publish("faces", 4, _network(), {})
    assert (again.version, again.aliases) == (4, ("production",))


def test_aliased_versions_are_not_deleted(registry: Registry) -> None:
    """Deleting an aliased version is refused, naming the aliases, and works once they are gone."""
    registry.publish("faces", 1, _network(), {})
    registry.set_alias("faces", "canary", 1)
    with pytest.raises(FailedPreconditionError, match="canary, production") as caught:
        registry.delete_version("faces", 1)
    assert caught.value.reason == "VERSION_ALIASED"
    registry.set_alias("faces", "canary", 0)
    registry.set_alias("faces", "production", 0)
    registry.delete_version("faces", 1)
    with pytest.raises(NotFoundError):
        registry.read_head("faces", 1)
    with pytest.raises(NotFoundError):
        registry.get_classifier("faces")


def test_compare_and_set_refuses_a_moved_alias(registry: Registry) -> None:
    """An alias that no longer points where the caller thinks is left alone."""
    for job in (1, 2):
        registry.publish("faces", job, _network(), {})
    registry.set_alias("faces", "production", 2, expected=1)
    with pytest.raises(AbortedError) as caught:
        registry.set_alias("faces", "production", 1, expected=1)
    assert caught.value.reason == "CONFLICT"
    with pytest.raises(AbortedError):
        registry.set_alias("faces", "production", 1, expected=0)
    registry.set_alias("faces", "canary", 1, expected=0)
    assert registry.get_classifier("faces").aliases == (("canary", 1), ("production", 2))


def _production(registry: Registry) -> int:
    return dict(registry.get_classifier("faces").aliases).get("production", 0)


def test_an_alias_goes_back_the_way_it_came(registry: Registry) -> None:
    """One step a call, to where it pointed before; promotion goes on from there, and what was undone stays undone."""
    for job in (1, 2, 3, 4):
        registry.publish("faces", job, _network(), {})
    for version in (2, 3, 3):
        registry.set_alias("faces", "production", version)
    assert registry.roll_back("faces", "production") == (2, 3)
    registry.set_alias("faces", "production", 4)
    assert [registry.roll_back("faces", "production")[0] for _ in range(2)] == [2, 1]
    assert _production(registry) == 1
    with pytest.raises(FailedPreconditionError) as caught:
        registry.roll_back("faces", "production")
    assert caught.value.reason == "NO_EARLIER_VERSION"
    assert _production(registry) == 1


def test_going_back_is_compare_and_set(registry: Registry) -> None:
    """An alias that moved since the caller looked is left alone."""
    for job in (1, 2):
        registry.publish("faces", job, _network(), {})
    registry.set_alias("faces", "production", 2)
    with pytest.raises(AbortedError) as caught:
        registry.roll_back("faces", "production", expected=1)
    assert caught.value.reason == "CONFLICT"
    assert _production(registry) == 2
    assert registry.roll_back("faces", "production", expected=2) == (1, 2)


def test_going_back_passes_over_what_is_gone(registry: Registry) -> None:
    """A deleted version is no way back, an alias that was taken away has one, and a deleted classifier's are gone."""
    for job in (1, 2, 3):
        registry.publish("faces", job, _network(), {})
    for version in (2, 3):
        registry.set_alias("faces", "production", version)
    registry.delete_version("faces", 2)
    assert registry.roll_back("faces", "production") == (1, 3)
    registry.set_alias("faces", "production", 0)
    assert registry.roll_back("faces", "production", expected=0) == (1, 0)
    registry.delete_classifier("faces")
    registry.publish("faces", 4, _network(), {})
    with pytest.raises(FailedPreconditionError):
        registry.roll_back("faces", "production")


def test_the_way_back_is_bounded(registry: Registry, catalog: Catalog) -> None:
    """Of a thousand moves the last hundred are kept."""
    for job in (1, 2):
        registry.publish("faces", job, _network(), {})
    for move in range(300):
        registry.set_alias("faces", "production", 1 + move % 2)
    with catalog.read() as connection:
        assert connection.execute("SELECT COUNT(*) FROM alias_moves").fetchone() == (100,)


def test_alias_needs_a_version_that_is_there(registry: Registry) -> None:
    """An alias cannot point at nothing, and needs a valid name."""
    registry.publish("faces", 1, _network(), {})
    with pytest.raises(NotFoundError, match="faces@2"):
        registry.set_alias("faces", "production", 2)
    with pytest.raises(NotFoundError):
        registry.set_alias("ghosts", "production", 1)
    with pytest.raises(InvalidArgumentError):
        registry.set_alias("faces", "No Good", 1)


@pytest.mark.parametrize("version", [2, 2**63, 2**64 - 1])
def test_versions_nobody_has_are_not_found(registry: Registry, version: int) -> None:
    """A number that the wire can carry and the catalog cannot is a version that is not there, too."""
    registry.publish("faces", 1, _network(), {})
    for call in (registry.get_version, registry.read_head, registry.delete_version):
        with pytest.raises(NotFoundError):
            call("faces", version)
    with pytest.raises(NotFoundError):
        registry.set_alias("faces", "canary", version)


def test_classifier_in_use_is_not_deleted(registry: Registry, jobs: JobStore) -> None:
    """A classifier that a queued job will add to stays."""
    registry.publish("faces", 1, _network(), {})
    jobs.create("set", "faces", {})
    with pytest.raises(FailedPreconditionError) as caught:
        registry.delete_classifier("faces")
    assert caught.value.reason == "CLASSIFIER_IN_USE"


def test_damaged_files_are_reported(registry: Registry, tmp_path: Path) -> None:
    """A tensors file that was changed, or is gone, is data loss, not a served head."""
    registry.publish("faces", 1, _network(), {})
    path = tmp_path / "heads" / "faces" / "1" / heads.TENSORS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(DataLossError):
        registry.read_head("faces", 1)
    path.unlink()
    with pytest.raises(DataLossError, match="missing"):
        registry.read_head("faces", 1)


def test_changes_are_called_back(registry: Registry) -> None:
    """A watcher hears of each change in order, and of none after it has stopped."""
    heard: list[Change] = []
    stop = registry.subscribe(heard.append)
    registry.publish("faces", 1, _network(), {})
    registry.set_alias("faces", "canary", 1)
    registry.set_alias("faces", "canary", 0)
    stop()
    registry.delete_classifier("faces")
    assert [change.kind for change in heard] == [
        ChangeKind.VERSION_ADDED,
        ChangeKind.ALIAS_SET,
        ChangeKind.ALIAS_REMOVED,
    ]


def test_refused_changes_are_not_called_back(registry: Registry) -> None:
    """A change that failed is no change."""
    registry.publish("faces", 1, _network(), {})
    heard: list[Change] = []
    registry.subscribe(heard.append)
    with pytest.raises(AbortedError):
        registry.set_alias("faces", "production", 1, expected=5)
    assert heard == []


def test_recovery_removes_leftovers_and_reports_losses(registry: Registry, tmp_path: Path) -> None:
    """Directories without a row go away, temporary ones too; a row without files is reported and kept."""
    registry.publish("faces", 1, _network(), {})
    registry.publish("faces", 2, _network(), {})
    root = tmp_path / "heads"
    (root / "faces" / "2").rename(root / "faces" / "3")
    (root / ".new-leftover").mkdir()
    assert registry.recover() == (("faces", 2),)
    assert sorted(path.name for path in root.iterdir()) == ["faces"]
    assert [path.name for path in (root / "faces").iterdir()] == ["1"]
    assert registry.read_head("faces", 1)


_PUBLISH_FOR_EVER = """
import sys
from pathlib import Path
import numpy as np
from trainer.registry import heads
from trainer.catalog.classifiers import ClassifierStore
from trainer.catalog.connection import Catalog
from trainer.registry.head_files import HeadDirectory
from trainer.registry.registry import Registry

home = Path(sys.argv[1])
registry = Registry(ClassifierStore(Catalog(home / "catalog.sqlite3")), HeadDirectory(home / "heads"))
registry.recover()
layer = heads.Layer(np.ones((64, 64), "f4"), np.zeros(64, "f4"), "linear")
network = heads.Network(np.zeros(64, "f4"), np.ones(64, "f4"), (layer,))
while True:
    version = registry.publish("faces", 1, network, {}).version
    print(version, flush=True)
    if version > 3:
        registry.delete_version("faces", version - 1)
"""


def test_kill_at_any_moment_leaves_whole_heads(tmp_path: Path) -> None:
    """After kill -9 amid publishing and deleting every row has its files, and what was reported is published."""
    reported = 0
    for lines in (1, 4, 9):
        command = [sys.executable, "-c", textwrap.dedent(_PUBLISH_FOR_EVER), str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment()) as process:
            assert process.stdout is not None
            for _ in range(lines):
                reported = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        catalog = Catalog(tmp_path / "catalog.sqlite3")
        store = ClassifierStore(catalog)
        registry = Registry(store, HeadDirectory(tmp_path / "heads"))
        assert registry.recover() == ()
        assert store.next_version("faces") > reported
        rows = {version.version for version in store.all_versions()}
        assert {int(path.name) for path in (tmp_path / "heads" / "faces").iterdir()} == rows
        for version in rows:
            registry.read_head("faces", version)
        catalog.close()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

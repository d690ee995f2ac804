"""`graft up` from its start to its end, with fake stages."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from up_process import ROOT, STAGES, Running, starting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def graft_up(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return a start of `graft up`."""
    with starting(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Callable[..., Running]]]:
    """Return a `graft up` that is ready, and a start of another one on the same home."""
    with starting(tmp_path_factory.mktemp("shared")) as start:
        running = start("--weights", "random:7", "--precision", "float32")
        running.read_until("Graft is ready at 127.0.0.1:")
        yield running, start


def wait_gone(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ready, _, _ = select.select([descriptor], [], [], 60)
        assert ready, f"process {pid} lives on"
    finally:
        os.close(descriptor)


def test_all_four_serve_and_know_their_neighbours(shared: Any) -> None:
    """Addresses reach those who need them, and the records tell them."""
    running, _ = shared
    up = running.up()
    assert (up["pid"], up["ready"], sorted(up["stages"])) == (running.process.pid, True, sorted(STAGES))
    address = {name: stage["address"] for name, stage in up["stages"].items()}

    def arguments(stage: str) -> list[str]:
        read: list[str] = json.loads((running.home / f"{stage}.args").read_text())
        return read

    assert arguments("feature_extractor")[-4:] == ["--weights", "random:7", "--precision", "float32"]
    assert arguments("trainer")[-2:] == ["--extractor", address["feature_extractor"]]
    assert arguments("classifier")[-2:] == ["--trainer", address["trainer"]]
    assert arguments("gateway")[-6:] == [
        *("--extractor", address["feature_extractor"]),
        *("--trainer", address["trainer"]),
        *("--classifier", address["classifier"]),
    ]
    assert "serving" in (running.home / "logs" / "gateway.log").read_text()


def test_a_second_up_on_the_same_home_is_refused(shared: Any) -> None:
    """The line names the process that holds the home; the first goes on."""
    running, start = shared
    second = start()
    assert f"in use by process {running.process.pid}" in second.read_until("graft:")
    assert second.process.wait(60) == 1
    assert running.process.poll() is None
    assert running.up()["ready"]


def test_status_finds_the_services_under_the_home(shared: Any) -> None:
    """Without --gateway the address comes from HOME/up.json."""
    running, _ = shared
    address = running.up()["stages"]["gateway"]["address"]
    done = subprocess.run(
        [sys.executable, "-m", "graft.cli.main", "status", "--json", "--home", str(running.home)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("GRAFT_")},
        capture_output=True,
        text=True,
        check=False,
    )
    rows = {row["service"]: row for row in json.loads(done.stdout)}
    assert (rows["gateway"]["serving"], rows["gateway"]["address"]) == (True, address)


def test_a_stage_that_dies_is_started_again_at_its_address(shared: Any) -> None:
    """The others go on."""
    running, _ = shared
    before = running.up()["stages"]
    os.kill(before["classifier"]["pid"], signal.SIGKILL)
    assert "classifier ended with exit code -9; starting it again in 0.5 s" in running.read_until("ended")
    running.read_until("classifier serves again")
    after = running.up()["stages"]
    assert after["classifier"]["address"] == before["classifier"]["address"]
    assert after["classifier"]["pid"] != before["classifier"]["pid"]
    assert after["trainer"] == before["trainer"]
    assert running.up()["ready"]


def test_a_home_that_cannot_be_written_stops_nothing(graft_up: Any) -> None:
    """Neither record nor log: the stage that died serves again, the others go on, and what is lost is said."""
    running = graft_up()
    running.read_until("Graft is ready")
    before = running.up()["stages"]
    log = running.home / "logs" / "trainer.log"
    for path in (running.home / "up.json", log):
        path.unlink()
        path.mkdir()
    os.kill(before["trainer"]["pid"], signal.SIGKILL)
    running.read_until("trainer serves again")
    said = "".join(running.lines)
    assert said.count(f"graft: cannot write {running.home}/up.json: Is a directory; the services go on") == 1
    assert said.count(f"graft: cannot open {log}: Is a directory; what trainer says from now on is lost") == 1
    for name in ("feature_extractor", "classifier", "gateway"):
        os.kill(before[name]["pid"], 0)
    (running.home / "up.json").rmdir()
    running.process.terminate()
    assert running.process.wait(60) == 0
    assert running.exit_codes() == dict.fromkeys(STAGES, 0)


def test_sigterm_right_after_the_start_ends_all_with_0(graft_up: Any) -> None:
    """The children have not run a line of their code yet, and still exit with 0."""
    running = graft_up()
    running.read_until("waiting for")
    running.process.terminate()
    assert running.process.wait(60) == 0
    assert set(running.exit_codes().values()) == {0}


def test_ctrl_c_while_a_stage_loads_stops_all_in_order(graft_up: Any) -> None:
    """The public ones end first; each exits with 0, also the one that is still loading; the records tell it."""
    running = graft_up(modes={"feature_extractor": "slow"})
    running.read_until("waiting for feature_extractor\n")
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert running.exit_codes() == dict.fromkeys(STAGES, 0)
    assert (running.home / "stopped").read_text().split() == ["gateway", "classifier", "trainer"]
    assert not (running.home / "up.json").exists()


def test_a_killed_supervisor_leaves_no_child(graft_up: Any) -> None:
    """The lifeline ends them, also the one that is still loading."""
    running = graft_up(modes={"trainer": "slow"})
    running.read_until("waiting for trainer\n")
    pids = [stage["pid"] for stage in running.up()["stages"].values()]
    assert len(pids) == 4
    running.process.kill()
    running.process.wait()
    for pid in pids:
        wait_gone(pid)


def test_a_stage_that_cannot_start_ends_all_and_shows_why(graft_up: Any) -> None:
    """Its last log lines are printed; the exit code is 1."""
    running = graft_up(modes={"trainer": "broken"})
    assert "trainer ended with exit code 3" in running.read_until("ended")
    running.read_until("the weights are gone; fetch them again")
    assert running.process.wait(60) == 1
    assert running.exit_codes()["trainer"] == 3
    assert running.exit_codes()["feature_extractor"] == 0


def test_a_stage_that_will_not_end_is_killed(graft_up: Any) -> None:
    """After the grace it is killed, and the exit code is 1; the others ended by themselves."""
    running = graft_up("--grace", "1", modes={"classifier": "stubborn"})
    running.read_until("Graft is ready")
    running.process.terminate()
    running.read_until("classifier did not end within 1 s: killing it")
    assert running.process.wait(60) == 1
    assert running.exit_codes() == {**dict.fromkeys(STAGES, 0), "classifier": -9}

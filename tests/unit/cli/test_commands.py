"""What the commands print and exit with, against a fake gateway."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from graft.cli.app import app
from graft.cli.arguments import command_of, hoist
from graft.errors import FailedPreconditionError

if TYPE_CHECKING:
    from pathlib import Path


def test_import_creates_the_dataset_and_lists_what_was_refused(graft: Any, gateway: Any, folder: Path) -> None:
    """The exit code is 0, since some were taken; doing it again computes nothing."""
    result = graft("import", "faces", folder)
    assert result.exit_code == 0
    assert "4 added, 0 unchanged, 1 refused; 4 computed" in result.stdout
    assert "1 files passed over" in result.stdout
    assert "bob/bad.gif: not a picture [CORRUPT_IMAGE]" in result.stderr
    assert len(gateway.state.datasets["faces"]) == 4
    again = json.loads(graft("import", "faces", folder, "--json").stdout)
    assert (again["added"], again["unchanged"], again["computed"], again["skipped"]) == (0, 4, 0, 1)
    assert again["refused"][0]["digest"] == hashlib.sha256(b"bad").hexdigest()
    assert again["refused"][0]["error"]["code"] == "INVALID_ARGUMENT"


def test_an_import_of_nothing_fails(graft: Any, tmp_path: Path) -> None:
    """No pictures at all, or none taken, is exit code 1 and says why."""
    result = graft("import", "faces", tmp_path)
    assert result.exit_code == 1
    assert "no pictures in the subfolders" in result.stderr
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "bad.jpg").write_bytes(b"bad")
    assert graft("import", "faces", tmp_path).exit_code == 1


def test_train_shows_the_course_and_the_accuracy(graft: Any, gateway: Any) -> None:
    """What was asked for travels in the recipe; the end names accuracy, interval and how to go on."""
    gateway.state.datasets["faces"] = {}
    result = graft("train", "faces", "--recipe", "mlp", "--seed", 7, "--hidden-units", "64,32", "--dropout", 0.5)
    assert result.exit_code == 0
    recipe = gateway.state.requests[-1].recipe
    assert (recipe.kind, recipe.seed, list(recipe.hidden_units), recipe.dropout) == ("mlp", 7, [64, 32], 0.5)
    assert "fitting 3/10 · epoch 1 · loss 0.500 · validation 75.0 %" in result.stderr
    assert "faces version 1: accuracy 90.0 % on 20 test pictures (95 % interval 70.0 % to 97.0 %)" in result.stdout
    assert "graft classify faces PICTURE" in result.stdout
    printed = json.loads(graft("train", "faces", "--json").stdout)
    assert (printed["job"]["state"], printed["version"]["metrics"]["accuracy"], printed["served"]) == (
        "succeeded",
        0.9,
        True,
    )


def test_the_accuracy_is_shown_although_the_classifier_is_away(
    graft: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training is done: the command waits for the head to be served as long as it does anyway, and succeeds."""
    gateway.state.datasets["faces"] = {}
    gateway.state.classifier_away = 5  # more than the four attempts that gRPC makes at a call
    assert "served as production" in graft("train", "faces").stdout
    gateway.state.classifier_away = 1000
    monkeypatch.setattr("graft.cli.train._SERVED_LIMIT_S", 0)
    result = graft("train", "faces")
    assert result.exit_code == 0
    assert "faces version 1: accuracy 90.0 %" in result.stdout
    assert "the classifier has not loaded it yet" in result.stderr


def test_a_failed_job_is_exit_code_1_with_the_reason(graft: Any, gateway: Any) -> None:
    """The reason and what to do come from the trainer."""
    gateway.state.datasets["faces"] = {}
    gateway.state.job_error = FailedPreconditionError("3 vectors are gone: import again", reason="FEATURES_MISSING")
    result = graft("train", "faces")
    assert result.exit_code == 1
    assert "graft: job job-1 failed: 3 vectors are gone: import again [FEATURES_MISSING]" in result.stderr


def test_jobs_are_listed_shown_watched_and_cancelled(graft: Any, gateway: Any) -> None:
    """One job through all commands that take its id."""
    assert "no jobs yet" in graft("jobs").stdout
    gateway.state.datasets["faces"] = {}
    graft("train", "faces")
    assert graft("jobs").stdout.splitlines()[-1].split()[:3] == ["job-1", "succeeded", "faces"]
    assert json.loads(graft("jobs", "--json").stdout)[0]["job_id"] == "job-1"
    assert "succeeded" in graft("jobs", "job-1").stdout
    assert graft("watch", "job-1").exit_code == 0
    assert "job job-1: cancelled" in graft("cancel", "job-1").stdout
    assert "there is no training job 'nope'" in graft("watch", "nope").stderr


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(
    graft: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130, and the two commands."""
    gateway.state.datasets["faces"] = {}
    gateway.state.watch_gate = threading.Event()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("graft.cli.course._Course.progress", interrupt)
    result = graft("train", "faces")
    assert result.exit_code == 130
    assert "`graft watch job-1`" in result.stderr
    assert "`graft cancel job-1`" in result.stderr


def test_classify_prints_a_table_or_json(graft: Any, folder: Path) -> None:
    """A picture that cannot be read is exit code 1, after the others' answers."""
    good, bad = folder / "ann" / "1.jpg", folder / "bob" / "bad.gif"
    result = graft("classify", "faces", good, "--top", 1)
    assert result.exit_code == 0
    assert "ann" in result.stdout
    assert "75.0 %" in result.stdout
    assert "uncertain" in result.stdout
    assert "faces version 1" in result.stdout
    mixed = graft("classify", "faces", good, bad, "--json")
    assert mixed.exit_code == 1
    first, second = json.loads(mixed.stdout)
    assert first["classification"]["labels"][0] == {"label": "ann", "probability": 0.75}
    assert (first["classification"]["verdict"], first["classification"]["unknown_score"]) == ("UNCERTAIN", 0.25)
    assert (second["classification"], second["error"]["reason"]) == (None, "CORRUPT_IMAGE")
    assert graft("classify", "nobody", good).exit_code == 1


def test_extract_writes_one_complete_file(graft: Any, gateway: Any, folder: Path, tmp_path: Path) -> None:
    """Vectors, digests, names, labels and fingerprint fit together; nothing else is left behind."""
    out = tmp_path / "out" / "vectors.npz"
    assert "there is no folder" in graft("extract", folder, "--out", out).stderr
    out.parent.mkdir()
    result = graft("extract", folder, "--out", out)
    assert result.exit_code == 0
    assert "1 refused" in result.stderr
    with np.load(out, allow_pickle=False) as stored:
        assert list(stored["names"]) == ["ann/1.jpg", "ann/2.jpg", "bob/1.png", "bob/2.png"]
        assert list(stored["labels"]) == ["ann", "ann", "bob", "bob"]
        assert stored["vectors"].shape == (4, 4)
        assert stored["vectors"].dtype == np.float32
        for digest, vector in zip(stored["digests"], stored["vectors"], strict=True):
            assert gateway.state.cache[digest.tobytes()] == vector.tobytes()
        assert stored["fingerprint"].tobytes() == bytes(range(16))
    assert [file.name for file in out.parent.iterdir()] == ["vectors.npz"]


def test_lists_and_details(graft: Any, gateway: Any) -> None:
    """Datasets and classifiers as lists, in detail, and as JSON."""
    assert "no datasets yet" in graft("datasets").stdout
    gateway.state.datasets["faces"] = {(b"1" * 32, "ann [a]"): "1.jpg"}
    assert "faces" in graft("datasets").stdout
    assert "ann [a]" in graft("datasets", "faces").stdout
    assert json.loads(graft("datasets", "--json").stdout)[0]["create_time"] == "2026-01-02T03:04:05+00:00"
    assert "production = 1" in graft("classifiers").stdout
    shown = graft("classifiers", "faces").stdout
    assert "90.0 %" in shown
    assert "70.0 % to 97.0 %" in shown
    assert json.loads(graft("classifiers", "faces", "--json").stdout)["versions"][1]["aliases"] == ["production"]


def test_promote_moves_the_alias(graft: Any, gateway: Any) -> None:
    """It says what the alias was before."""
    result = graft("promote", "faces", 2)
    assert "faces: production is version 2 (it was version 1)" in result.stdout
    assert gateway.state.aliases["faces"] == {"production": 2}
    graft("promote", "faces", 1, "--alias", "canary")
    assert gateway.state.aliases["faces"]["canary"] == 1


def test_rollback_moves_the_alias_back(graft: Any, gateway: Any) -> None:
    """It says what the alias was; where there is nothing before, it fails with the reason."""
    graft("promote", "faces", 2)
    assert "faces: production is version 1 (it was version 2)" in graft("rollback", "faces").stdout
    assert gateway.state.aliases["faces"] == {"production": 1}
    refused = graft("rollback", "faces")
    assert refused.exit_code == 1
    assert "NO_EARLIER_VERSION" in refused.stderr


def test_deleting_asks_first(graft: Any, gateway: Any) -> None:
    """No is no; --yes does not ask."""
    digest = hashlib.sha256(b"x").digest()
    gateway.state.datasets["faces"] = {(digest, "ann"): "x.jpg"}
    refused = graft("delete", "dataset", "faces", answer="n\n")
    assert refused.exit_code == 1
    assert "faces" in gateway.state.datasets
    assert "1 examples removed" in graft("delete", "examples", "faces", digest.hex(), "--yes").stdout
    assert "64 hexadecimal digits" in graft("delete", "examples", "faces", "abc", "--yes").stderr
    assert graft("delete", "dataset", "faces", answer="y\n").exit_code == 0
    assert gateway.state.datasets == {}
    assert "point to it" in graft("delete", "version", "faces", 1, "--yes").stderr
    assert graft("delete", "version", "faces", 2, "-y").exit_code == 0
    assert graft("delete", "classifier", "faces", "-y").exit_code == 0


def test_status_shows_the_four_services(graft: Any, gateway: Any) -> None:
    """All serving is exit code 0; one that is not is exit code 1 and named."""
    result = graft("status")
    assert result.exit_code == 0
    assert result.stdout.count(" serving") == 4
    assert "random:7 cut at avg_pool (4), float32 on CPU; 0 vectors" in " ".join(result.stdout.split())
    assert "evicted" not in result.stdout
    gateway.state.cpu_fallback = True
    gateway.state.evicted = 3
    shown = " ".join(graft("status").stdout.split())
    assert "on CPU because no GPU was found; 0 vectors" in shown
    assert "3 evicted since the start" in shown
    gateway.state.unavailable = 4
    result = graft("status", "--json")
    assert result.exit_code == 1
    rows = {row["service"]: row for row in json.loads(result.stdout)}
    assert (rows["feature_extractor"]["serving"], rows["trainer"]["serving"]) == (False, True)
    assert rows["feature_extractor"]["error"]["reason"] == "STARTING"
    assert rows["classifier"]["heads"]["heads"][0]["classifier"] == "faces"


@pytest.mark.parametrize("arguments", [["status"], ["train", "faces"]])
def test_without_a_gateway_there_is_one_clear_line(arguments: list[str], tmp_path: Path) -> None:
    """No traceback: what is wrong and what to do."""
    result = CliRunner().invoke(app, [*arguments, "--gateway", "127.0.0.1:1", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr == "graft: no Graft gateway at 127.0.0.1:1: start one with `graft up` [GATEWAY_UNREACHABLE]\n"


def test_a_wrong_option_is_exit_code_2(graft: Any) -> None:
    """Usage errors differ from failures."""
    assert graft("train", "faces", "--recipe", "magic").exit_code == 2
    assert graft("bogus").exit_code == 2


def test_general_options_may_follow_the_command() -> None:
    """They are moved to the front, up to `--`."""
    assert hoist(["status", "--gateway", "a:1", "--home=x", "--", "--home", "y"]) == [
        *("--gateway", "a:1", "--home=x"),
        *("status", "--", "--home", "y"),
    ]


def test_the_command_is_known_before_anything_is_parsed() -> None:
    """It is the first word that is no general option nor the value of one."""
    assert command_of(["--home", "up", "--gateway=a:1", "status", "up"]) == "status"
    assert command_of(["up", "--home", "x"]) == "up"
    assert command_of(["--help"]) == command_of([]) == ""

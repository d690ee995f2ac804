"""Settings from flags and environment."""

from __future__ import annotations

import pytest

from graft.serving.settings import StageSettings, load_settings, split_address


def test_flags_come_before_the_environment_before_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag wins over GRAFT_*, which wins over the default."""
    monkeypatch.setenv("GRAFT_GRACE_S", "3")
    monkeypatch.setenv("GRAFT_LOG_LEVEL", "debug")
    settings = load_settings(StageSettings, "stage", ["--grace-s", "4", "--reuse-port"])
    assert (settings.grace_s, settings.log_level, settings.reuse_port) == (4.0, "debug", True)
    assert settings.max_message_bytes == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--grace-s", "soon"], "--grace-s"),
        (["--listen", "nowhere"], "--listen"),
        (["--listen", "127.0.0.1:70000"], "--listen"),
        (["--log-level", "loud"], "--log-level"),
        (["--bogus"], "--bogus"),
        (["--max-message-bytes", "1"], "--max-message-bytes"),
        (["--metrics-listen", "127.0.0.1:1x"], "--metrics-listen (or GRAFT_METRICS_LISTEN): '127.0.0.1:1x' is not"),
    ],
)
def test_a_bad_flag_is_one_line_and_exit_code_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one line names the flag."""
    with pytest.raises(SystemExit) as caught:
        load_settings(StageSettings, "stage", arguments)
    assert caught.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("stage: ")
    assert printed.count("\n") == 1
    assert named in printed


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The line also names the environment's variable."""
    monkeypatch.setenv("GRAFT_GRACE_S", "-1")
    with pytest.raises(SystemExit):
        load_settings(StageSettings, "stage", [])
    assert "GRAFT_GRACE_S" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "parts"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:50", ("::1", 50)), ("host:1", ("host", 1))]
)
def test_an_address_splits_into_host_and_port(address: str, parts: tuple[str, int]) -> None:
    """IPv6 brackets are taken off."""
    assert split_address(address) == parts

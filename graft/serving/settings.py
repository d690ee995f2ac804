"""Settings of a stage: flags before `GRAFT_*` environment before defaults; a bad value is one line and exit code 2."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from graft.channels import MAX_MESSAGE_BYTES

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:\[\]]+):(\d{1,5})")


def _checked_address(value: str) -> str:
    found = _ADDRESS.fullmatch(value)
    if not found or int(found[2]) > 65535:  # noqa: PLR2004 - the last port
        raise ValueError(f"{value!r} is not an address such as 127.0.0.1:50051 or [::1]:50051")
    return value


Address = Annotated[str, AfterValidator(_checked_address)]
"""host:port or [ipv6]:port."""

OptionalAddress = Annotated[str, AfterValidator(lambda value: value and _checked_address(value))]
"""An Address, or empty."""


class StageSettings(BaseSettings):
    """What every stage can be told; each stage adds its own."""

    model_config = SettingsConfigDict(
        env_prefix="GRAFT_",
        frozen=True,
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_implicit_flags=True,
        use_attribute_docstrings=True,
        extra="forbid",
    )

    listen: Address = "127.0.0.1:0"
    """Address to serve gRPC on, host:port; port 0 takes a free one and prints it."""

    metrics_listen: OptionalAddress = ""
    """Address of the Prometheus page, host:port; empty serves none."""

    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(default=Path("~/.graft"), validate_default=True)
    """Directory that holds all state."""

    grace_s: float = Field(default=10.0, ge=0, le=3600)
    """Seconds that calls in flight are given when the stage is told to stop."""

    max_message_bytes: int = Field(default=MAX_MESSAGE_BYTES, ge=4096, le=2**31 - 1)
    """Largest gRPC message in either direction, in bytes."""

    reuse_port: bool = False
    """Whether several processes may listen on the same port; off, so that a second one fails instead."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe events to log."""

    log_format: Literal["text", "json"] = "text"
    """Lines for people or for collectors."""


_Settings = TypeVar("_Settings", bound=StageSettings)


def load_settings(kind: type[_Settings], stage: str, arguments: list[str] | None = None) -> _Settings:
    """Return the settings of a stage from its arguments and the environment, or exit with code 2 and one line.

    Args:
        kind: the settings class of the stage.
        stage: name of the stage, for the error and the help text.
        arguments: flags; None means those of the process.
    """
    flags = sys.argv[1:] if arguments is None else arguments
    try:
        return kind(_cli_parse_args=flags, _cli_prog_name=stage, _cli_exit_on_error=False, _cli_hide_none_type=True)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        message = first["msg"].removeprefix("Value error, ")
        _refuse(stage, f"--{name.replace('_', '-')} (or GRAFT_{name.upper()}): {message}")
    except SettingsError as error:
        _refuse(stage, str(error.__cause__ or error))


def _refuse(stage: str, message: str) -> NoReturn:
    sys.stderr.write(f"{stage}: {' '.join(message.split())}\n")
    raise SystemExit(2)


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `address`; the brackets of an IPv6 host are taken off."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)

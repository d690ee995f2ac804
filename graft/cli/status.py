"""`graft status`: which of the four services answer, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from graft.cli import options, output
from graft.cli.session import session_of
from graft.cli.supervisor.records import read_up
from graft.errors import GraftError

if TYPE_CHECKING:
    from collections.abc import Callable

    from graft.client import Client, ServiceHealth


def status(context: typer.Context, *, json: options.Json = False) -> None:
    """Show the four services: whether they serve, where, and with which trunk, cache and heads.

    Exits with 1 if one of them does not serve.
    """
    session = session_of(context)
    up = read_up(session.home)
    with session.client() as client:
        services = client.health()
        if not services[0].serving and services[0].error is not None:
            raise services[0].error
        local = up is not None and up.address_of("gateway") == client.target
        addresses = {"gateway": client.target}
        if up is not None and local:
            addresses = {name: up.address_of(name) for name in up.stages}
        details = _details(client, services)
    if json:
        rows = [
            {
                "service": each.service,
                "serving": each.serving,
                "address": addresses.get(each.service),
                "error": each.error,
                **details.get(each.service, {}),
            }
            for each in services
        ]
        output.print_json(rows)
    else:
        output.print_table(
            ["service", "health", "address", "details"],
            [
                (
                    each.service,
                    "serving" if each.serving else "not serving",
                    addresses.get(each.service, "behind the gateway"),
                    each.error.message if each.error else _sentence(each.service, details.get(each.service, {})),
                )
                for each in services
            ],
            "",
        )
    if not all(each.serving for each in services):
        raise typer.Exit(1)


def _details(client: Client, services: tuple[ServiceHealth, ...]) -> dict[str, dict[str, Any]]:
    asked: dict[str, dict[str, Callable[[], Any]]] = {
        "feature_extractor": {"trunk": client.trunk, "cache": client.cache_stats},
        "classifier": {"heads": client.heads},
    }
    found: dict[str, dict[str, Any]] = {}
    for each in services:
        for name, ask in asked.get(each.service, {}).items() if each.serving else ():
            try:
                found.setdefault(each.service, {})[name] = ask()
            except GraftError as error:  # it may have gone a moment ago; the others are still worth showing
                found.setdefault(each.service, {})[name] = error
    return found


def _sentence(service: str, details: dict[str, Any]) -> str:
    errors = [value.message for value in details.values() if isinstance(value, GraftError)]
    if errors:
        return errors[0]
    if service == "feature_extractor":
        trunk, cache = details["trunk"], details["cache"]
        instead = " because no GPU was found" if trunk.cpu_fallback else ""
        evicted = f", {cache.evicted} evicted since the start" if cache.evicted else ""
        return (
            f"{trunk.weights} cut at {trunk.layer} ({trunk.dimensions}), {trunk.precision} on {trunk.device}{instead}; "
            f"{cache.vectors} vectors cached in {output.size(cache.used_bytes)} of {output.size(cache.limit_bytes)}"
            f"{evicted}"
        )
    if service == "classifier":
        heads = details["heads"]
        listed = ", ".join(f"{head.classifier} {head.version}" for head in heads.heads) or "no heads yet"
        return listed if heads.registry_connected else f"{listed} (the trainer is away)"
    return ""

"""`graft cache`: what the extractor's cache holds, a check of every entry, and dropping what nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from graft.cli import options, output, quantities
from graft.cli.session import session_of
from graft.errors import FailedPreconditionError, NotFoundError

if TYPE_CHECKING:
    from graft.client import CacheStats, Client, EvictProgress

app = typer.Typer(no_args_is_help=True, help="Show, check or thin out the extractor's cache of vectors and previews.")

_LEAST_DIGITS: Final = 4
_MOST_DIGITS: Final = 32


def _digits(text: str) -> str:
    """Return the first digits of a fingerprint, in lower case."""
    if not _LEAST_DIGITS <= len(text) <= _MOST_DIGITS or set(text.lower()) - set("0123456789abcdef"):
        raise typer.BadParameter(f"{text!r}: give {_LEAST_DIGITS} to {_MOST_DIGITS} hexadecimal digits")
    return text.lower()


@app.command()
def stats(context: typer.Context, *, json: options.Json = False) -> None:
    """Show how full the cache is, how often it answered, and what it holds of each trunk."""
    with session_of(context).client() as client:
        found = client.cache_stats()
    if json:
        output.print_json(found)
        return
    output.print_facts(
        {
            "vectors": found.vectors,
            "previews": found.previews,
            "in use": f"{output.size(found.used_bytes)} of {output.size(found.limit_bytes)}",
            "file": output.size(found.file_bytes),
            "since the start": f"{found.hits} hits, {found.misses} misses, {found.computed} computed, "
            f"{found.evicted} evicted, {found.corrupt} corrupt",
            "": "",
        }
    )
    rows = [
        (
            each.fingerprint_hex,
            each.vectors,
            output.when(each.last_use_time),
            "serving" if each.fingerprint == found.fingerprint else "",
        )
        for each in found.fingerprints
    ]
    output.print_table(["fingerprint", "#vectors", "last used", "trunk"], rows, "it holds no vectors")


@app.command()
def verify(context: typer.Context, *, json: options.Json = False) -> None:
    """Read every entry, check its checksum, and drop what is damaged; it will be computed again when it is needed.

    The services go on serving meanwhile. The exit code is 0 also if something was dropped.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        session_of(context).client() as client,
        Progress(*columns, console=output.console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("checking", total=None)
        for told in client.verify_cache():
            # Entries written meanwhile may be checked too.
            bar.update(task, completed=told.checked, total=max(told.checked, told.total))
    if json:
        output.print_json(told)
    else:
        typer.echo(f"{told.checked} entries checked, {told.dropped} damaged ones dropped")


@app.command()
def evict(
    context: typer.Context,
    fingerprint: Annotated[
        str | None,
        typer.Option(
            parser=_digits,
            metavar="HEX",
            help="Only vectors of this trunk; the first digits are enough. `graft cache stats` lists them.",
        ),
    ] = None,
    unused_for: Annotated[
        float | None,
        typer.Option(parser=quantities.seconds, metavar="30d", help="Only what was not used for so long."),
    ] = None,
    to_size: Annotated[
        int | None,
        typer.Option(
            parser=quantities.size_bytes,
            metavar="10GiB",
            help="Only as many, the least recently used first, as it takes to use no more than this.",
        ),
    ] = None,
    *,
    all_but_serving: Annotated[
        bool, typer.Option("--all-but-serving", help="Only vectors of trunks other than the one that serves.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Drop vectors that meet every given criterion, and the previews that no vector is left of. It does not ask.

    What was dropped is computed again when its pictures are sent again. The file does not shrink: its free pages take
    new entries.
    """
    if not (fingerprint or all_but_serving) and unused_for is None and to_size is None:
        raise typer.BadParameter(
            "give at least one", param_hint="--fingerprint, --all-but-serving, --unused-for or --to-size"
        )
    if all_but_serving and (fingerprint or to_size is not None):
        raise typer.BadParameter("goes with --unused-for alone", param_hint="--all-but-serving")
    with session_of(context).client() as client:
        wanted = [b""]
        if fingerprint:
            wanted = [_resolved(fingerprint, client.cache_stats())]
        elif all_but_serving:
            wanted = _not_serving(client.cache_stats())
        done = {each: _evict(client, each, unused_for, to_size) for each in wanted}
    if json:
        output.print_json([{"fingerprint": each or None, **output.plain(told)} for each, told in done.items()])
        return
    for each, told in done.items():
        whose = f"{each.hex()}: " if each else ""
        typer.echo(
            f"{whose}{told.evicted_vectors} vectors and {told.evicted_previews} previews dropped, "
            f"{output.size(told.used_bytes)} in use"
        )
    if not done:
        typer.echo("nothing dropped: all vectors are of the trunk that serves")


def _evict(client: Client, fingerprint: bytes, unused_for_s: float | None, to_bytes: int | None) -> EvictProgress:
    """Drop what meets the criteria, showing how far it is; return the result."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=output.console(stderr=True), transient=True) as bar:
        task = bar.add_task("dropping", total=None)
        for told in client.evict_cache(fingerprint=fingerprint, unused_for_s=unused_for_s, to_bytes=to_bytes):
            bar.update(task, description=f"{told.evicted_vectors} dropped, {output.size(told.used_bytes)} in use")
    return told


def _not_serving(found: CacheStats) -> list[bytes]:
    return [each.fingerprint for each in found.fingerprints if each.fingerprint != found.fingerprint]


def _resolved(digits: str, found: CacheStats) -> bytes:
    """Return the one fingerprint of the cache that begins with the digits."""
    begin_so = [each for each in found.fingerprints if each.fingerprint_hex.startswith(digits)]
    if not begin_so:
        raise NotFoundError(
            "fingerprint",
            digits,
            f"the cache holds no vectors of a fingerprint that begins with {digits}; `graft cache stats` lists those",
        )
    if len(begin_so) > 1:
        listed = ", ".join(each.fingerprint_hex for each in begin_so)
        raise FailedPreconditionError(f"{digits} begins {listed}: give more digits", reason="AMBIGUOUS_FINGERPRINT")
    return begin_so[0].fingerprint

"""The ratios of a run, each with the check that its two sides did the same work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.setting_up import BATCH, KERAS_BATCH
from bench.targets import at_least, quotient, same_network, same_trunk, same_weights, within

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.setting_up import Setting
    from bench.targets import Ratio

_OF_BARE, _OF_PREDICT, _OF_UNCACHED, _OF_BFLOAT16 = 0.90, 2.0, 50.0, 1.6
_LOOKUPS = 20_000.0
_ONE_FACTOR, _ONE_MS = 1.10, 3.0
_BESIDE_BULK = 1.5


def comparisons(setting: Setting, figures: Figures, waits: dict[str, float]) -> list[Ratio]:
    """All ratios, those with a promise first."""
    value = figures.value
    own = setting.services[setting.precision]
    at_16 = {precision: value(f"{service.work.name}, 16 callers") for precision, service in setting.services.items()}
    ratios: list[Ratio] = []
    for precision, service in setting.services.items():
        bare = setting.bare[precision]
        unlike = same_trunk(service.work, bare.work)
        name = service.work.name
        of_bare = value(f"bare trunk, {precision}, batch {BATCH}")
        ratios.append(quotient(f"{name}, 16 callers / bare trunk", at_16[precision], of_bare, _OF_BARE, unlike))
        alone = value(f"bare trunk, {precision}, decode + network, p50")
        bound = alone * _ONE_FACTOR + _ONE_MS if alone else None
        what = f"{name}, one caller p50, of 1.10 x (decode + bare trunk) + 3 ms"
        ratios.append(within(what, value(f"{name}, 1 caller, p50"), bound, "ms", unlike))
    predict = max(value(f"Keras predict, batch {batch}") or 0.0 for batch in (1, KERAS_BATCH))
    unlike = same_network(own.work, setting.keras.work)
    ratios.append(
        quotient(f"{own.work.name}, 16 callers / Keras predict", at_16[setting.precision], predict, _OF_PREDICT, unlike)
    )
    ratios += _cached(setting, figures)
    ratios.append(_bulk(waits, "; ".join(own.work.faults)))
    ratios.append(_int8(setting, at_16))
    for name, peer in setting.peers.items():
        unlike = same_network(own.work, peer.work)
        for callers in ("16 callers", "1 caller, p50"):
            ours, theirs = value(f"{own.work.name}, {callers}"), value(f"{name}, {callers}")
            pair = (ours, theirs) if callers == "16 callers" else (theirs, ours)
            way = f"{own.work.name} / {name}" if callers == "16 callers" else f"{name} / {own.work.name}"
            ratios.append(quotient(f"{way}, {callers}", *pair, None, unlike))
    return ratios


def _cached(setting: Setting, figures: Figures) -> list[Ratio]:
    single = setting.services["float32"].work
    faults = "; ".join(single.faults)
    stream = f"{single.name}, stream, 64 a message"
    uncached = max(figures.value(each) or 0.0 for each in (stream, f"{single.name}, 16 callers"))
    own = setting.services[setting.precision].work
    rate = figures.value(f"{own.name}, LookupFeatures")
    return [
        quotient(f"{stream}, cached / not cached", figures.value(f"{stream}, cached"), uncached, _OF_UNCACHED, faults),
        at_least(f"{own.name}, LookupFeatures", rate, _LOOKUPS, "/s", "; ".join(own.faults)),
    ]


def _int8(setting: Setting, at_16: dict[str, float | None]) -> Ratio:
    what = "service, int8 / service, bfloat16, 16 callers"
    missing = [precision for precision in ("int8", "bfloat16") if precision not in setting.services]
    if missing:
        return quotient(what, None, None, _OF_BFLOAT16, f"{' and '.join(missing)} was not measured")
    unlike = same_weights(setting.services["int8"].work, setting.services["bfloat16"].work)
    return quotient(what, at_16["int8"], at_16["bfloat16"], _OF_BFLOAT16, unlike)


def _bulk(waits: dict[str, float], faults: str) -> Ratio:
    what = "one caller p99 beside bulk, of 1.5 x (idle p99 + one bulk batch)"
    if not waits:
        return within(what, None, None, "ms", faults or "the extractor told no times of its batches")
    bound = _BESIDE_BULK * (waits["idle_p99_ms"] + waits["batch_ms"])
    return within(what, waits["beside_p99_ms"], bound, "ms", faults)

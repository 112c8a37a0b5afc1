"""What would make a call cost something else, or anything at all, with the command that does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from collector.server.explain_price import Basis, plain
from collector.server.explain_reprice import Repriced
from pricing.layout import USD, variant_of
from pricing.prices import Prices
from pricing.units import STANDARD
from store import remedies

Row = Mapping[str, Any]
Change = dict[str, Any]


def changes_of(
    row: Row,
    basis: Basis | None,
    used: Mapping[str, int] | str,
    prices: Prices,
    repriced: Repriced | None,
    closed_at: datetime | None,
) -> list[Change]:
    """In sentences: `about`, `says`, and the `commands` that do it, in their order. `used` is what `counted` gives."""
    found: list[Change] = []
    if repriced is not None:
        found.append(_reprice(row, repriced, closed_at))
    found += _missing(row, basis, used, prices)
    found += _estimates(row, basis)
    if basis is not None:
        found += _tiers(row, basis)
        found += _later_card(basis)
    found += _held(row, basis, prices)
    return found


def _change(about: str, says: str, *commands: str) -> Change:
    return {"about": about, "says": says, "commands": list(commands)}


def _reprice(row: Row, repriced: Repriced, closed_at: datetime | None) -> Change:
    if not repriced.differences:
        same = "cost the same" if row["list_cost_usd"] is not None else "still have no cost"
        return _change("reprice", f"charged again now it would {same}")
    then, now = _outcome(row), _outcome(repriced.charge)
    says = f"charged again now it would be {now} instead of {then}"
    if then == now:
        says = f"charged again now other columns would change: {', '.join(sorted(repriced.differences))}"
    if closed_at is not None:
        says += f"; its month was closed on {closed_at:%Y-%m-%d}, so a repricing books the difference in an open month"
    return _change("reprice", says, _reprice_command(row, "--dry-run"))


def _outcome(charge: Row) -> str:
    usd = charge["effective_cost_usd"]
    amount = "of unknown cost" if usd is None else f"{plain(usd)} USD"
    listed = charge["list_cost_usd"]
    beside = f" ({plain(listed)} at list prices)" if listed is not None and listed != usd else ""
    tenant = charge["attributed_tenant_id"]
    return (
        f"{amount}{beside}, {charge['cost_status']}"
        + (f" by {charge['rate_card']}" if charge["rate_card"] else "")
        + (f", for tenant {tenant}" if tenant else "")
    )


def _reprice_command(row: Row, *options: str) -> str:
    """What charges the call again, with others of its month and model."""
    model = row["model_answered"] or row["model_requested"]
    return remedies.reprice(row["project"], f"--month {row['started_at']:%Y-%m}", model, *options)


def _missing(
    row: Row, basis: Basis | None, used: Mapping[str, int] | str, prices: Prices
) -> Iterator[Change]:
    match row["cost_status"]:
        case "unpriced_model":
            yield _no_card(row, prices)
        case "unpriced_unit" if basis is None:
            yield _no_variant(row, prices)
        case "unpriced_unit" if basis is not None and isinstance(used, Mapping):
            yield _no_rate(row, basis, used, prices)
        case "no_usage":
            yield _change(
                "usage",
                "the emitter sent no counts: let it report usage (for OpenAI streams: stream_options include_usage)",
            )
        case "conflict" if isinstance(used, str):
            yield _change(
                "usage", f"{used}; correct what the emitter sends (docs/usage.md says how counts are read)"
            )
        case "conflict":
            yield _change(
                "usage", "the counts contradict each other; correct what the emitter sends (docs/usage.md)"
            )


def _no_card(row: Row, prices: Prices) -> Change:
    names = [name for name in (row["model_answered"], row["model_requested"]) if name]
    key = prices.book.resolve_call(
        row["provider"], row["model_answered"], row["model_requested"], row["host_provider"]
    )
    if not names:
        return _change("price", "neither the response nor the request names a model")
    if key is not None:
        says = f"{key} has no card that holds at {row['started_at']:%Y-%m-%d %H:%M} UTC"
    elif candidates := prices.book.candidates(row["provider"], names[0]):
        says = f"the name may mean {' or '.join(candidates[:5])}, and nothing says which"
    else:
        says = f"the price book knows no model by this name of provider {row['provider'] or '(none named)'}"
    if _seller(row, prices) is None:
        return _change("price", f"{says}; let the emitter send gen_ai.provider.name")
    return _priced_by(row, says, _override(row, prices, ("uncached_input", "output")))


def _no_variant(row: Row, prices: Prices) -> Change:
    tier = variant_of(row["service_tier"])
    command = _override(row, prices, ("uncached_input", "output"), tier)
    return _priced_by(row, f"the model has prices, but none for service tier {tier}", command)


def _no_rate(row: Row, basis: Basis, used: Mapping[str, int], prices: Prices) -> Change:
    lacking = [unit for unit, count in used.items() if count and unit not in basis.sheet.rates]
    if not lacking and basis.card.currency != USD:
        says = f"the card is in {basis.card.currency}, and no exchange rate for it is known at that time"
        return _priced_by(row, says, remedies.IMPORT_PRICES)
    if not lacking and basis.sheet.makes_dearer_images and row["image_output_tokens"] is None:
        return _change(
            "price", "images in the output cost more than text, and how much of it is images was not reported"
        )
    if not lacking:
        return _change("price", "an amount is beyond what a call can cost: its counts or rates must be wrong")
    used_of = ", ".join(f"{unit} ({plain(used[unit])} used)" for unit in lacking)
    return _priced_by(
        row, f"{basis.card.rate_card} has no rate for {used_of}", _override(row, prices, lacking)
    )


def _priced_by(row: Row, says: str, command: str) -> Change:
    """What is missing, what gives the call a price, and what then charges it."""
    return _change("price", says, command, _reprice_command(row))


def _override(row: Row, prices: Prices, units: Sequence[str], variant: str | None = None) -> str:
    """The command that gives the model a price, under the names that calls of it have."""
    model = row["model_answered"] or row["model_requested"] or "MODEL"
    return remedies.override(
        _seller(row, prices) or "PROVIDER", model, units, row["started_at"], variant=variant
    )


def _seller(row: Row, prices: Prices) -> str | None:
    """Whose price a call has, as it is looked up (Book.resolve_call)."""
    return prices.book.seller(row["provider"], row["host_provider"])


def _estimates(row: Row, basis: Basis | None) -> Iterator[Change]:
    """Each reason why a known cost is an estimate."""
    if not row["cost_estimated"] or basis is None:
        return
    rates, card = basis.sheet.rates, basis.card
    cached, audio, image = (row[f"{kind}_input_tokens"] or 0 for kind in ("cached", "audio", "image"))
    reasons = {
        f"of its card: {card.estimated_because}": card.estimated_because is not None,
        "the input was not reported": row["input_tokens"] is None,
        "the output was not reported": row["output_tokens"] is None and "output" in rates,
        "no usage was reported: the counts are worked out from what there is of the call": (
            row["usage_source"] == "estimated"
        ),
        "how much of the audio was read from the cache was not reported": (
            cached and audio and row["cached_audio_input_tokens"] is None
        ),
        "how much of the images was read from the cache was not reported": (
            cached and image and rates.get("image_input") != rates.get("uncached_input")
        ),
        "how much of the input is images was not reported": (
            row["input_tokens"]
            and row["image_input_tokens"] is None
            and rates.get("image_input") != rates.get("uncached_input")
        ),
    }
    for reason, holds in reasons.items():
        if holds:
            yield _change("estimate", f"it is an estimate because {reason}")


def _tiers(row: Row, basis: Basis) -> Iterator[Change]:
    """The context tiers beside the one that the call is in."""
    tokens, sheet = row["input_tokens"] or 0, basis.sheet
    if sheet.up_to_tokens is not None:
        first = _first_rate(basis, sheet.up_to_tokens)
        yield _change(
            "tier",
            f"above {plain(sheet.up_to_tokens)} input tokens all of a call costs more{first}; this one has {plain(tokens)}",
        )
    if sheet.above_tokens:
        yield _change(
            "tier",
            f"up to {plain(sheet.above_tokens)} input tokens it would be in a lower tier; it has {plain(tokens)}",
        )


def _first_rate(basis: Basis, above_tokens: int) -> str:
    rates = {rate.unit: rate for rate in basis.card.rates if rate.tier_from_tokens == above_tokens}
    for unit in ("uncached_input", "output"):
        if unit in rates:
            return f" ({unit} {plain(rates[unit].per_million)} a million, in place of {_rate(basis, unit)})"
    return ""


def _rate(basis: Basis, unit: str) -> str:
    rate: Decimal | None = basis.sheet.rates.get(unit)
    return "none" if rate is None else plain(rate)


def _later_card(basis: Basis) -> Iterator[Change]:
    if basis.holds_to is not None:
        yield _change(
            "later", f"a call from {basis.holds_to:%Y-%m-%d %H:%M} UTC on is priced by another card"
        )
    if basis.card.window is not None:
        yield _change("window", f"the card holds in a part of the day only: {clock(basis.card.window)} UTC")


def clock(window: tuple[int, int]) -> str:
    """Minutes of the day as `00:30 to 16:30`."""
    begins, ends = (f"{minute // 60:02d}:{minute % 60:02d}" for minute in window)
    return f"{begins} to {ends}"


def _held(row: Row, basis: Basis | None, prices: Prices) -> Iterator[Change]:
    """Cards of the model that would hold for the call if somebody approved them."""
    key = basis.card.model_key if basis else None
    variant = basis.card.variant if basis else variant_of(row["service_tier"]) or STANDARD
    key = key or prices.book.resolve_call(
        row["provider"], row["model_answered"], row["model_requested"], row["host_provider"]
    )
    settled = {card.approves for card in prices.records.cards} | {
        card.withdraws for card in prices.records.cards
    }
    for card in prices.records.cards:
        is_about = card.model_key == key and card.variant == variant and card.layer != "agreement"
        covers = card.valid_from <= row["started_at"] and (
            card.valid_to is None or row["started_at"] < card.valid_to
        )
        if card.held_because and is_about and covers and card.rate_card not in settled:
            yield _change(
                "held",
                f"{card.rate_card} is held ({card.held_because}); approved, and after a repricing, it may count instead",
                remedies.approve(card.rate_card),
            )

"""`steelyard doctor`: is the installation sound, is data flowing, and what to do when not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import duckdb

from collector.configure import load_settings
from collector.datadir import running_server
from collector.keys import KeyFileError, active, read_keys
from collector.settings import MEGABYTE, CollectorSettings
from collector.spool.segments import QUARANTINE, spool_bytes
from commands import findings
from commands.findings import Finding
from commands.local import local_server
from errors import UserError
from store.projects import DEFAULT_PROJECT
from store.reader import FileReader, Reader, ServerReader, rows

OUR_PACKAGES = (
    "collector",
    "commands",
    "dashboard",
    "errors",
    "evals",
    "gateway",
    "pricing",
    "prompts",
    "steelyard",
    "store",
)


@click.command("doctor", short_help="Check the installation, the data directory and the running server.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
def command(data: Path | None) -> None:
    """Check the installation, the data directory and the running server. Ends with exit code 3 when something is wrong.

    \b
    Example:
      steelyard doctor
    """
    found = list(_examine(load_settings({"data": data})))
    for finding in found:
        mark = "!!" if finding.advice else "ok"
        print(f"{mark}  {finding.what:<18} {finding.found}")
        if finding.advice:
            print(f"    {'':<18} → {finding.advice}")
    wrong = sum(bool(finding.advice) for finding in found)
    if wrong:
        raise UserError(f"{wrong} of {len(found)} checks need attention, see above")


def _examine(settings: CollectorSettings) -> Iterator[Finding]:
    yield _installation()
    yield from _data_directory(settings)
    yield from _keys(settings)
    now = datetime.now(UTC)
    yield from findings.tls(settings, now)
    address = running_server(settings.data)
    if address is None:
        yield Finding("server", "none runs on this data directory (start one with `steelyard up`)")
        if settings.store_path.exists():
            stored = FileReader(settings.store_path)
            yield from _contents(stored, now)
            stored.close()
        return
    yield Finding(
        "server", f"process {address.pid}, receiver {address.receiver_url}, read API {address.api_url}"
    )
    client = local_server(settings.data, address, as_owner=True).client()
    health = client.health()
    if "price_book" not in health:
        yield Finding("access", "refused to tell more", "run this as the user who owns the data directory")
        return
    yield Finding("price book", str(health["price_book"]))
    yield from findings.pipeline(client.pipeline(DEFAULT_PROJECT), now)
    with ServerReader(client) as reader:
        yield from _contents(reader, now)


def _installation() -> Finding:
    claimed = packages_distributions()
    others = {name: owners for name in OUR_PACKAGES if (owners := set(claimed.get(name, [])) - {"steelyard"})}
    found = f"Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}"
    if not others:
        return Finding("installation", found)
    name, owners = next(iter(others.items()))
    return Finding(
        "installation",
        found,
        f"the package {name!r} is also installed by {', '.join(sorted(owners))}; give Steelyard an environment of its own",
    )


def _data_directory(settings: CollectorSettings) -> Iterator[Finding]:
    if not settings.data.exists():
        yield Finding("data directory", f"{settings.data} does not exist yet; `steelyard up` makes it")
        return
    free = shutil.disk_usage(settings.data).free
    short = free < settings.disk_reserve_bytes
    yield Finding(
        "disk",
        f"{free // MEGABYTE:,} MB free",
        f"less than {settings.disk_reserve_bytes // MEGABYTE} MB are left, new telemetry is refused; free some"
        if short
        else "",
    )
    if settings.spool_dir.exists():
        yield Finding("spool", f"{spool_bytes(settings.spool_dir):,} bytes wait to be committed")
        yield from findings.quarantine(
            settings.spool_dir / QUARANTINE, settings.quarantine_days, datetime.now(UTC)
        )
    yield findings.modes(settings.data)


def _keys(settings: CollectorSettings) -> Iterator[Finding]:
    try:
        known = read_keys(settings.data)
    except KeyFileError as unusable:
        yield Finding("access keys", "cannot be read: nobody is let in", str(unusable))
        return
    if known:
        yield Finding(
            "access keys", f"{len(active(known))} active, {len(known) - len(active(known))} revoked"
        )


def _contents(reader: Reader, now: datetime) -> Iterator[Finding]:
    counted = rows(
        reader.sql(
            "select count(*) as calls, count(*) filter (cost_status in ('unpriced_model', 'unpriced_unit')) as unpriced, "
            "max(started_at) as newest from calls"
        )
    )[0]
    yield Finding(
        "calls",
        f"{counted['calls']:,} stored, {counted['unpriced']:,} without a price, newest {counted['newest'] or '–'} UTC",
    )
    yield findings.rejects(reader, now)
    yield findings.clocks(reader, now)

"""The command: send, measure, print, and say by the exit code whether every call is one row with its numbers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.conformance.measure import Emitter, measured, stored_as_calls
from benchmarks.conformance.report import markdown
from benchmarks.conformance.sending import Sent, send_all

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conformance", description="Captured calls of real SDKs, stored once each."
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order, and of the moments of --kill")
    parser.add_argument(
        "--kill", action="store_true", help="kill -9 the store server meanwhile, then send all again"
    )
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md")
    given = parser.parse_args(argv)
    sent = send_all(given.seed, with_kills=given.kill)
    emitters = measured(sent.rows)
    text = markdown(emitters, _how(sent, given.seed))
    if given.write:
        DOCUMENT.write_text(text, "utf-8")
    else:
        print(text)
    return _verdict(sent, emitters)


def _how(sent: Sent, seed: int) -> str:
    killed = f", the store server killed {sent.n_kills} times" if sent.n_kills else ""
    return f"This run: {sent.n_requests:,} requests, seed {seed}{killed}."


def _verdict(sent: Sent, emitters: Sequence[Emitter]) -> int:
    """0 when all is right but the named faults; else 1, and on stderr what is not."""
    for record in stored_as_calls(sent.rows):
        print(
            f"a {record['record']} is a row: {record['emitter']} {record['case']} {record['span_id']}",
            file=sys.stderr,
        )
    wrong = [one.name for one in emitters if not one.is_faultless]
    if wrong:
        print(f"NOT conforming: {', '.join(wrong)}", file=sys.stderr)
        return 1
    print(f"conforming: {len(sent.rows)} rows of {len(emitters)} emitters", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

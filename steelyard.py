"""The front door: one command, `steelyard`, and the public Python API.

A sub-command lives in `commands/<name>.py` and is imported only when it is used, so `steelyard --help`
loads neither the store nor the dashboard. Exit codes: 0 done (or verdict PASS), 1 verdict FAIL,
2 verdict INCONCLUSIVE; every other end, a typo and a crash included, is 3, so that CI can tell
"the candidate is worse" from "nothing was decided".
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, Any

import click

from errors import UserError

__version__ = "0.1.0"
# What others may import, and where it lives: loaded on first use, so that the command stays quick.
_PUBLIC = {
    "price": "pricing.price",
    "Usage": "pricing.usage",
    "Cost": "pricing.price",
    "Unpriced": "pricing.price",
}
__all__ = ["Cost", "Unpriced", "Usage", "__version__", "main", "price"]

if TYPE_CHECKING:
    from pricing.price import Cost, Unpriced, price
    from pricing.usage import Usage

EXIT_UNDECIDED = 3

# Who a command is for, and the line that help prints. Kept here so that help imports no command;
# a test holds each line equal to the command's own.
COMMANDS: dict[str, dict[str, str]] = {
    "Run it": {
        "up": "Start everything: receiver, store server and dashboard.",
        "collect": "Start the receiver and the store server, without the dashboard.",
        "demo": "Load realistic demo data into project `demo` and open the page on it.",
        "import": "Import calls from a file: CSV, JSON lines or Parquet, or another tool's export.",
        "doctor": "Check the installation, the data directory and the running server.",
        "keys": "Make, list and revoke access keys.",
    },
    "Keep it": {
        "backup": "Copy the store, while it is written or at rest.",
        "restore": "Put a backup into a data directory.",
        "export": "Write the tables as Parquet or CSV files, one per month.",
        "erase": "Remove everything of one tenant or one user, with a receipt.",
    },
    "Look at calls": {
        "tail": "Print the newest calls, and follow them as they arrive.",
        "query": "Run a named query; without a name, list them.",
        "sql": "Run one read-only SELECT.",
        "explain": "Why a call is what it is: the attribute, span and rule behind each column.",
    },
    "Finance": {
        "spend": "What each tenant cost in a month, with what could not be priced.",
        "prices": "What models cost, since when and who says so; set prices of your own.",
        "tenants": "Whom calls are for: owners, cost centres, who is billed, and rules.",
        "budgets": "What a month may cost, by tenant or any dimension: set, list with forecast, remove.",
        "reprice": "Charge stored calls by today's prices; shows the difference first.",
        "periods": "Close a month, open it again, list what was closed.",
    },
    "Evals and gates": {
        "eval": "Run a suite against its golden set and decide.",
        "gate": "Decide PASS, FAIL or INCONCLUSIVE from stored runs.",
        "golden": "Golden sets: add a call that happened as a case.",
    },
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class FrontDoor(click.Group):
    """A click group whose commands are modules, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, rows in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(rows.items()))


@click.group(cls=FrontDoor, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="steelyard")
def cli() -> None:
    """Steelyard weighs every LLM request and gates every release.

    \b
    Example:
      steelyard demo
      export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318
    """


def main() -> int:
    """Run the command line and return the exit code; nothing but a stored verdict returns 1 or 2."""
    signal.signal(signal.SIGTERM, _interrupt)
    # A shell script starts what it puts in the background with Ctrl-C ignored, and `kill -INT` would do nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        result: Any = cli.main(prog_name="steelyard", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as mistake:
        mistake.show()
        return EXIT_UNDECIDED
    except UserError as mistake:
        print(f"steelyard: {mistake}", file=sys.stderr)
        return EXIT_UNDECIDED
    except (KeyboardInterrupt, click.Abort):
        print("steelyard: interrupted", file=sys.stderr)
        return EXIT_UNDECIDED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): point stdout elsewhere, so that the
        # interpreter's own flush at exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNDECIDED
    except Exception:  # noqa: BLE001 - a bug: keep its traceback, but never an exit code CI reads as a verdict
        traceback.print_exc()
        return EXIT_UNDECIDED
    return result if isinstance(result, int) else 0


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

"""`steelyard gate`: decide again from stored runs, without a single request."""

from __future__ import annotations

from pathlib import Path

import click

from commands.eval import conclude, listens
from commands.local import eval_receiver, eval_store
from evals.borrow import find_baseline
from evals.decision import recorded_baseline
from evals.folder import RunFolder


@click.command("gate")
@click.argument("run", metavar="RUN")
@click.option(
    "--baseline", metavar="RUN", help="Compare with this run's candidate instead of the recorded baseline."
)
@click.option(
    "--out",
    "runs",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where to look up run ids.",
)
@click.option("--report-only", is_flag=True, help="Exit 0 whatever the verdict says (it is still stored).")
@click.option("--no-send", is_flag=True, help="Send nothing; the run folder keeps everything.")
def command(run: str, baseline: str | None, runs: Path, report_only: bool, no_send: bool) -> int:
    """Decide PASS, FAIL or INCONCLUSIVE from stored runs.

    A run is a folder or the id of one under ./runs; a baseline may also be one that only the store has.
    The new verdict is stored beside the old ones, and what no receiver took before is sent.

    \b
    Example:
      steelyard gate runs/01K9ABCDEF
      steelyard gate runs/01K9ABCDEF --baseline 01K8RELEASED
    """
    folder = RunFolder.find(run, runs)
    project = folder.read_run()["project"]
    compared = (
        find_baseline(baseline, runs, project, eval_store) if baseline else recorded_baseline(folder, runs)
    )
    receiver = eval_receiver(project)
    send = not no_send and listens(receiver)
    return conclude(folder, compared, receiver, send=send, report_only=report_only)

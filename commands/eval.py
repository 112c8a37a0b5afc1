"""`steelyard eval`: run a suite and decide."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
from ulid import ULID

from commands import links
from commands.local import eval_receiver, eval_store
from errors import ServerError
from evals import decision, execution, outbox, plan, suite
from evals.folder import RunFolder
from evals.outbox import Receiver
from evals.report import junit, markdown, text

# A terminal that repaints more often than this costs more than it tells.
_REPAINT_S = 0.1


@click.group("eval")
def command() -> None:
    """Run a suite against its golden set and decide.

    \b
    Example:
      steelyard eval run examples/summarize-document/suite.yaml
    """


@command.command("run")
@click.argument("suite_file", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--candidate", type=click.Path(path_type=Path), help="Judge this prompt file instead of the suite's."
)
@click.option(
    "--baseline", metavar="RUN|FILE", help="Compare with a stored run (folder or id) or a prompt file."
)
@click.option(
    "--provider", help="Use this provider instead of the suite's; `fake` needs no network and no key."
)
@click.option("--model", help="Use this model instead of the suite's.")
@click.option(
    "--cases",
    "most_cases",
    type=click.IntRange(min=1),
    help="Run only this many cases, must-pass ones first.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where run folders go.",
)
@click.option("--report-only", is_flag=True, help="Exit 0 whatever the verdict says (it is still stored).")
@click.option("--project", help="Store calls and records under this project.")
@click.option("--no-send", is_flag=True, help="Send nothing; the run folder keeps everything.")
def run(
    suite_file: Path,
    candidate: Path | None,
    baseline: str | None,
    provider: str | None,
    model: str | None,
    most_cases: int | None,
    out: Path,
    report_only: bool,
    project: str | None,
    no_send: bool,
) -> int:
    """Run a suite, decide, and exit 0 (PASS), 1 (FAIL), 2 (INCONCLUSIVE) or 3 (could not decide).

    \b
    Example:
      steelyard eval run examples/summarize-document/suite.yaml
      steelyard eval run suite.yaml --candidate prompts/v3.md --baseline runs/01K9…
    """
    receiver = eval_receiver(project)
    chosen = plan.Choices(candidate, baseline, provider, model, most_cases, out, project, eval_store)
    planned = plan.make(suite.load(suite_file), chosen)
    run_id = str(ULID())
    prepared = execution.prepare(planned, run_id)
    note(f"{planned.requests} requests to {planned.provider} {planned.model}: {plan.power_line(planned)}")
    send = not no_send and listens(receiver)
    folder = RunFolder.create(out, run_id)
    progress = Progress(planned.requests)
    try:
        execution.execute(prepared, folder, receiver, progress, send=send)
    except KeyboardInterrupt:
        note(f"interrupted after {progress.done} of {planned.requests} answers; {folder.journal} keeps them")
        raise
    return conclude(folder, planned.baseline_run, receiver, send=send, report_only=report_only)


def conclude(
    folder: RunFolder,
    baseline: RunFolder | None,
    receiver: Receiver,
    *,
    send: bool,
    report_only: bool = False,
) -> int:
    """Decide about a stored run, write and print the reports, deliver; returns the exit code."""
    judged = decision.judge(folder, baseline)
    code = decision.store(folder, judged)
    folder.junit.write_text(junit.render(judged), encoding="utf-8")
    folder.markdown.write_text(markdown.render(judged), encoding="utf-8")
    click.echo(text.render(judged))
    click.echo(f"\n{folder.path}/  report.md  junit.xml  verdict.json")
    if _delivered(folder, receiver, send=send):
        click.echo(links.of_run(judged.run["run_id"], receiver))
    return 0 if report_only else code


def listens(receiver: Receiver) -> bool:
    """Is there a receiver? Without one everything still works, and says so."""
    if receiver.listens():
        return True
    note(f"no receiver listens at {receiver.url}: start one with `steelyard up`, or set STEELYARD_OTLP_URL.")
    return False


def note(line: str) -> None:
    """Say something that is not the result."""
    click.echo(line, err=True)


class Progress:
    """Answers so far, repainted on a terminal and silent elsewhere."""

    def __init__(self, total: int) -> None:
        self.done = 0
        self._total = total
        self._painted_at = 0.0
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if self._is_terminal and (now - self._painted_at > _REPAINT_S or done == self._total):
            self._painted_at = now
            click.echo(
                f"\r{done} of {self._total} answers" + "\n" * (done == self._total), err=True, nl=False
            )


def _delivered(folder: RunFolder, receiver: Receiver, *, send: bool) -> bool:
    """Bring this run and older ones to the store; a run without a receiver is a run all the same."""
    later = f"Everything is in {folder.path}; `steelyard gate {folder.path}` sends it later."
    if not send:
        note(f"calls and records were not sent to {receiver.url}. {later}")
        return False
    try:
        outbox.deliver(folder, receiver)
        older = outbox.deliver_older(folder.path.parent, receiver)
    except ServerError as failed:
        note(f"calls and records were not all delivered: {failed} {later}")
        return False
    if older:
        note(f"older runs delivered too: {older}")
    return True

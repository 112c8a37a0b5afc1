"""The measurement as Markdown: `docs/conformance.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.conformance.measure import Emitter, total
from tests.truth import FIELDS, IDENTITY, TOKENS

INTRODUCTION = """# Conformance: what is stored of real emitters

Written by `python -m benchmarks.conformance --write`; anyone can repeat it.

**What is measured.** The trace captures in `tests/fixtures/otlp/`: what real SDKs and instrumentations sent in November
2026 (set-ups of the same SDK are lines of their own), with a record of what each call to the provider really was. The
provider was a local mock, so that the truth is known to the token; the emitters are real.

**How.** All captures go to a collector as one shuffled stream: each request as it was sent, and each of its spans twice
more in a request of its own, so that parents and children, calls and their duplicates, streams and their usage come apart
and in any order, on four connections at once. With `--kill` the store server gets a `kill -9` at random moments meanwhile,
and everything is sent once more afterwards. Then each row of `calls` is held against the truth. The command fails when a
row is missing or doubled, when a wrapper or a duplicate is a row, or when a count is wrong or lost, but for (!) below.

**What the numbers cannot show.** The rules were written with these captures at hand, so this is no proof for an emitter
that is not among them. The calls came one after the other; how concurrent calls are told apart is tested elsewhere
(`tests/collector/test_settle*.py`).

Rows: `stored/expected`. Counts: how many are right; *n unsaid* where no span of the call says the number anywhere, and
the row is NULL. A call that the client saw no usage of (failed, or a stream without `include_usage`) must have none, and is
not listed; *n estimated* of those are streams that broke off, whose row says that its count is an estimate
([usage.md](usage.md)). NULL where the truth is 0 is not counted either: it means that nobody said 0.
"""

FAULTS = """
## (!) Wrong as they are sent

Two emitters say a wrong number, and nothing else that they send tells the right one:

- OpenLLMetry for Anthropic, streams: the output is too high by what the stream's first message already counted.
- OpenLIT for Anthropic, streams: what was read from and written to the cache is not sent, and the input is without it. (Not
  among the public captures.) Without streaming its input leaves the cache out too, but it sends the parts, and the sum is right.

## What nobody can recover

- Usage of a stream that was not asked to report it (`include_usage`), of a failed call, and of what an instrumentation
  leaves out: *unsaid* above. It is NULL, never 0 and never a guess, and `cost_status` says `no_usage`. Only what a stream
  that broke off came to is estimated, where its span shows how far it got.
- Calls without a span: failed calls of OpenLLMetry and OpenInference for JavaScript, the Responses API with
  `opentelemetry-instrumentation-openai-v2`, embeddings under LangChain's handlers, streams that were abandoned half-way with
  OpenLLMetry and OpenLIT. Nobody sends anything.
- Retries inside an SDK: one span, one row, the duration with the waiting.
- The first calls of automatic function calling in google-genai: one span, and the usage of its last call.
- Users, sessions and tenants that an instrumentation does not export (the difference between *findable* and *sent*): set them
  on the resource, or use a key that is bound to a tenant.
"""


def markdown(emitters: Sequence[Emitter], how: str) -> str:
    """The whole document. `how` says with what the stream was sent."""
    everything = [*emitters, total(emitters)]
    parts = [
        INTRODUCTION,
        f"{how}\n",
        "## Rows and token counts\n",
        *_table(everything, _ROWS | {named: _tokens_of(named) for named in TOKENS.values()}),
        "\n## Whose call it is\n",
        "`found/findable/sent`: what the row has, of what is in any span of the call's traces, of what the application gave the "
        "SDK. Set-ups that gave nothing are left out. More is found than the record calls findable where OpenInference "
        "repeats the parameters of the request (`llm.invocation_parameters`), which the record does not count.\n",
        *_table(
            [one for one in everything if any(one.identity.values())],
            {named: _identity_of(named) for named in IDENTITY.values()},
        ),
        "\n## What was asked and what came back\n",
        "How many are right. *unsaid*: no span says it, and the row is NULL. *as sent*: the emitter itself names another "
        "(the model asked for as the one that answered, an id of its own, a stream where there was none), and the row has "
        "that. *missing*: said in a place that is not read. Streams: how many are known to be one; `ttft_ns`: how many "
        "of those have a time to the first token. Both of streams that worked.\n",
        *_table(everything, {named: _field_of(named) for named in FIELDS} | _STREAMS),
        FAULTS,
    ]
    return "\n".join(parts)


Cell = Callable[[Emitter], str]
_ROWS: dict[str, Cell] = {
    "rows": lambda one: f"{one.n_stored}/{one.n_expected}",
    "no calls, stored as calls": lambda one: str(one.n_extra),
}
_STREAMS: dict[str, Cell] = {
    "stream": lambda one: _of(one.n_known_streams, one.n_streams, one.fields["stream"]["as_sent"]),
    "ttft_ns": lambda one: _of(one.n_ttft, one.n_streams, 0),
}


def _table(emitters: Sequence[Emitter], columns: Mapping[str, Cell]) -> Iterator[str]:
    yield f"| emitter | {' | '.join(columns)} |"
    yield f"|---{'|---' * len(columns)}|"
    for one in emitters:
        name = "**all**" if one.name == "all" else one.name
        yield f"| {name} | {' | '.join(cell(one) for cell in columns.values())} |"


def _tokens_of(column: str) -> Cell:
    def cell(one: Emitter) -> str:
        return _verdicts(
            one.tokens[column],
            {
                "fault": "wrong (!)",
                "estimated": "estimated",
                "not_sent": "unsaid",
                "missing": "**missing**",
                "wrong": "**wrong**",
            },
        )

    return cell


def _field_of(column: str) -> Cell:
    def cell(one: Emitter) -> str:
        return _verdicts(
            one.fields[column],
            {"not_sent": "unsaid", "as_sent": "as sent", "missing": "missing", "wrong": "**wrong**"},
        )

    return cell


def _verdicts(found: Mapping[str, int], words: Mapping[str, str]) -> str:
    others = [f"{found[verdict]} {word}" for verdict, word in words.items() if found[verdict]]
    if not others and not found["right"]:
        return "–"
    return ", ".join([str(found["right"]), *others])


def _identity_of(column: str) -> Cell:
    def cell(one: Emitter) -> str:
        counts = one.identity[column]
        if not counts["sent"]:
            return "–"
        wrong = f", **{counts['wrong']} wrong**" if counts["wrong"] else ""
        return f"{counts['found']}/{counts['findable']}/{counts['sent']}{wrong}"

    return cell


def _of(n_known: int, n_all: int, n_others: int) -> str:
    others = f", {n_others} as sent" if n_others else ""
    return (f"{n_known}/{n_all}" if n_all else "–") + others

"""A small application on the real OpenAI SDK, traced by the official OpenTelemetry instrumentation.

    python examples/live-sdk/app.py

It makes ten calls and sends their spans, by the standard OTLP exporter, to OTEL_EXPORTER_OTLP_ENDPOINT
(default http://localhost:4318, where `steelyard up` listens). The provider is the stand-in beside this file,
started on a free port; leave out `base_url` and give a key, and the same code talks to OpenAI.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from openai import APIStatusError, OpenAI, RateLimitError
from opentelemetry import baggage, context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from standin_provider import running

QUESTION = [{"role": "user", "content": "What is a steelyard?"}]
# Long enough for a provider to serve most of it from its prompt cache.
BRIEFED = [{"role": "system", "content": "You explain instruments to curators. " * 220}, *QUESTION]

tracer = trace.get_tracer("live-sdk")


class IdentityFromBaggage(SpanProcessor):
    """Copies who a call is for onto its span: the instrumentation knows the model, you know the tenant."""

    KEYS = ("tenant.id", "user.id", "gen_ai.conversation.id", "gen_ai.prompt.name", "gen_ai.prompt.version")

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for key in self.KEYS:
            value = baggage.get_baggage(key, parent_context)
            if isinstance(value, str):
                span.set_attribute(key, value)


@contextmanager
def on_behalf_of(identity: dict[str, str]) -> Iterator[None]:
    """Everything inside is done for this tenant, user, conversation."""
    here = context.get_current()
    for key, value in identity.items():
        here = baggage.set_baggage(key, value, here)
    token = context.attach(here)
    try:
        yield
    finally:
        context.detach(token)


def set_up_tracing() -> TracerProvider:
    """Standard OpenTelemetry, nothing of Steelyard in it."""
    resource = Resource.create({"service.name": "live-sdk", "deployment.environment.name": "dev"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(IdentityFromBaggage())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    OpenAIInstrumentor().instrument()
    return provider


def chat(client: OpenAI, model: str, messages: list[dict[str, str]]) -> None:
    answer = client.chat.completions.create(model=model, messages=messages)
    report(
        "chat", answer.model, f"{answer.usage.prompt_tokens} tokens in, {answer.usage.completion_tokens} out"
    )


def streamed(client: OpenAI, **options: object) -> None:
    chunks = list(
        client.chat.completions.create(model="gpt-5.4-mini", messages=QUESTION, stream=True, **options)
    )
    usage = chunks[-1].usage  # only there when it was asked for, and then in the last chunk
    told = (
        f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out" if usage else "usage not asked for"
    )
    report("chat stream", chunks[0].model, told)


def embed(client: OpenAI, text: str) -> None:
    answer = client.embeddings.create(model="text-embedding-3-small", input=text, encoding_format="float")
    report("embeddings", answer.model, f"{answer.usage.prompt_tokens} tokens in")


def retried(client: OpenAI) -> None:
    """The SDK's own retries would hide in one span: retrying here makes every attempt a span of its own."""
    with tracer.start_as_current_span("answer with retry"):
        try:
            chat(client, "gpt-5.4", QUESTION)
        except RateLimitError as limited:
            report("chat", "gpt-5.4", f"HTTP {limited.status_code}, trying again")
            chat(client, "gpt-5.4", QUESTION)


def refused(client: OpenAI) -> None:
    try:
        chat(client, "gpt-2-turbo", QUESTION)
    except APIStatusError as wrong:
        report("chat", "gpt-2-turbo", f"HTTP {wrong.status_code}, as expected")


def report(operation: str, model: str, outcome: str) -> None:
    print(f"  {operation:<12} {model:<24} {outcome}")


def ten_calls(client: OpenAI) -> None:
    with on_behalf_of({"tenant.id": "museum", "user.id": "ada", "gen_ai.conversation.id": "tour-1"}):
        with on_behalf_of({"gen_ai.prompt.name": "explain", "gen_ai.prompt.version": "v1"}):
            chat(client, "gpt-5.4-mini", QUESTION)
            chat(client, "gpt-5.4-mini", BRIEFED)
        streamed(client, stream_options={"include_usage": True})
        streamed(client)
    with on_behalf_of({"tenant.id": "archive", "user.id": "bo"}):
        embed(client, "a balance with a fixed counterweight")
        embed(client, "a balance with a sliding counterweight")
        retried(client)
        refused(client)
    chat(client, "gpt-5.4-mini", QUESTION)  # for nobody in particular: shown without a tenant


def main() -> int:
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
    if not someone_listens(endpoint):
        print(f"Nothing listens at {endpoint}. Start Steelyard first: steelyard up", file=sys.stderr)
        return 1
    tracing = set_up_tracing()
    with running() as provider:
        print(f"Ten calls to a stand-in provider at {provider.base_url}, traced to {endpoint}")
        ten_calls(OpenAI(base_url=provider.base_url, api_key="not-needed", max_retries=0))
    tracing.shutdown()  # sends what is still in the batch
    print("Sent. See them:\n  steelyard tail")
    return 0


def someone_listens(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        socket.create_connection((address.hostname or "", address.port or 4318), timeout=2).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())

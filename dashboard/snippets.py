"""How to send telemetry here, as text to copy."""

from __future__ import annotations

from collections.abc import Mapping

OTLP_HTTP = """\
export OTEL_EXPORTER_OTLP_ENDPOINT={http_url}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
{header}export OTEL_SERVICE_NAME=my-service
"""

OTLP_GRPC = """\
export OTEL_EXPORTER_OTLP_ENDPOINT={grpc_url}
export OTEL_EXPORTER_OTLP_PROTOCOL=grpc
{header}export OTEL_SERVICE_NAME=my-service
"""

PYTHON = """\
# pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "my-service"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter("{http_url}/v1/traces"{python_headers})))
trace.set_tracer_provider(provider)

with trace.get_tracer("my-service").start_as_current_span("chat gpt-4o-mini") as span:
    span.set_attributes({
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 40,
        "tenant.id": "acme",
    })
provider.shutdown()
"""

JAVASCRIPT = """\
// npm install @opentelemetry/sdk-node @opentelemetry/exporter-trace-otlp-proto
import { NodeSDK } from "@opentelemetry/sdk-node";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";

const sdk = new NodeSDK({
  serviceName: "my-service",
  traceExporter: new OTLPTraceExporter({ url: "{http_url}/v1/traces"{js_headers} }),
});
sdk.start();
// … and before the program ends, so that the last spans are sent:
await sdk.shutdown();
"""

LANGFUSE = """\
# The Langfuse SDK sends OTLP too; the public key may be any word.
export LANGFUSE_BASE_URL={http_url}   # LANGFUSE_HOST in older versions
export LANGFUSE_PUBLIC_KEY=pk
export LANGFUSE_SECRET_KEY={langfuse_key}
"""

DEMO = """\
steelyard demo            # 50,000 generated calls and eval runs, in project `demo`
steelyard demo --remove   # and away again
"""

IMPORT = """\
steelyard import observations.jsonl                      # a known export is recognised by its columns
steelyard import usage.csv --map started_at=ts --map model_requested=llm \\
  --map input_tokens=usage.in --map output_tokens=usage.out --dry-run   # shows the first calls, stores nothing
"""

KEY = "sy_ingest_…"


def snippets(http_url: str, grpc_url: str, *, needs_key: bool) -> Mapping[str, tuple[str, str]]:
    """Text and its language, by who sends. With `needs_key` each says where the key goes."""
    told = {
        "http_url": http_url,
        "grpc_url": grpc_url,
        "header": f'export OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer {KEY}"\n' if needs_key else "",
        "python_headers": f', headers={{"authorization": "Bearer {KEY}"}}' if needs_key else "",
        "js_headers": f', headers: {{ authorization: "Bearer {KEY}" }}' if needs_key else "",
        "langfuse_key": KEY if needs_key else "sk",
    }
    texts = {
        "HTTP": (OTLP_HTTP, "bash"),
        "gRPC": (OTLP_GRPC, "bash"),
        "Python": (PYTHON, "python"),
        "JavaScript": (JAVASCRIPT, "javascript"),
        "Langfuse SDK": (LANGFUSE, "bash"),
    }
    return {title: (_filled(text, told), language) for title, (text, language) in texts.items()}


def _filled(text: str, told: Mapping[str, str]) -> str:
    """Not str.format: the snippets are full of braces of their own."""
    for name, value in told.items():
        text = text.replace(f"{{{name}}}", value)
    return text

// Sends two spans, one log record and one metric with the exporters of OpenTelemetry JavaScript.
//
//     OTEL_EXPORTER_OTLP_ENDPOINT=… node send.mjs http|proto|grpc SERVICE_NAME
//
// Everything else (compression, headers) is set by the exporters' own environment variables, as their users do.
// Prints one JSON line for each export: its signal, the exporter's result code (0 = success) and its error.

import { DiagConsoleLogger, DiagLogLevel, SpanKind, diag } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [flavour, service] = process.argv.slice(2);
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${flavour}`);
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${flavour}`);
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${flavour}`);

// A partial success is told as a warning.
diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);

function reporting(signal, exporter) {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      console.log(JSON.stringify({ signal, code: result.code, error: result.error?.message ?? null }));
      done(result);
    });
  return exporter;
}

const resource = resourceFromAttributes({ "service.name": service });

const tracing = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(reporting("traces", new OTLPTraceExporter()))],
});
const tracer = tracing.getTracer("tests");
for (const model of ["gpt-4o", "gpt-4o-mini"]) {
  const span = tracer.startSpan(`chat ${model}`, { kind: SpanKind.CLIENT });
  span.setAttributes({
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": model,
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
  });
  span.end();
}

const logging = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: reporting("logs", new OTLPLogExporter()) })],
});
logging.getLogger("tests").emit({
  eventName: "gen_ai.evaluation.result",
  severityNumber: SeverityNumber.INFO,
  attributes: { "gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5 },
});

const measuring = new MeterProvider({
  resource,
  readers: [
    new PeriodicExportingMetricReader({
      exporter: reporting("metrics", new OTLPMetricExporter()),
      exportIntervalMillis: 3_600_000,
    }),
  ],
});
measuring.getMeter("tests").createHistogram("gen_ai.client.token.usage", { unit: "{token}" }).record(1000, {
  "gen_ai.token.type": "input",
});

await Promise.allSettled([tracing.shutdown(), logging.shutdown(), measuring.shutdown()]);

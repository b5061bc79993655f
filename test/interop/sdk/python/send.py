"""Sends telemetry with the OpenTelemetry SDK for Python, as an application would.

    python send.py grpc|http ENDPOINT

Prints JSON: what the SDK handed to its exporters, as OTLP requests in protobuf (base64) by the SDK's own encoders, and what failed.
"""

import base64
import json
import logging
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

kind, endpoint = sys.argv[1:3]
if kind == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

TRACES = 300
report = {"traces": [], "logs": [], "metrics": [], "failed": []}


def recording(signal, exporter, encode):
    """The exporter, and beside it what it is given."""
    export = exporter.export

    def recorded(batch, *args, **kwargs):
        report[signal].append(base64.b64encode(encode(batch).SerializeToString()).decode())
        result = export(batch, *args, **kwargs)
        if result.name != "SUCCESS":
            report["failed"].append(f"{signal}: {result.name}")
        return result

    exporter.export = recorded
    return exporter


def options(signal):
    if kind == "grpc":
        return {"endpoint": endpoint, "insecure": True}
    return {"endpoint": f"{endpoint}/v1/{signal}"}


resource = Resource({"service.name": f"python-{kind}", "service.instance.id": "one", "process.pid": 42, "process.command_args": ["python", "send.py"], "host.ratio": 0.25, "host.spot": False})
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(recording("traces", OTLPSpanExporter(**options("traces")), encode_spans)))
loggers = LoggerProvider(resource=resource)
loggers.add_log_record_processor(BatchLogRecordProcessor(recording("logs", OTLPLogExporter(**options("logs")), encode_logs)))
reader = PeriodicExportingMetricReader(recording("metrics", OTLPMetricExporter(**options("metrics")), encode_metrics), export_interval_millis=3_600_000)
meters = MeterProvider(resource=resource, metric_readers=[reader], views=[View(instrument_name="size", aggregation=ExponentialBucketHistogramAggregation())])

tracer = tracers.get_tracer("shop", "1.2.3", schema_url="https://opentelemetry.io/schemas/1.30.0", attributes={"scope.kind": "http"})
logger = loggers.get_logger("shop.log", "1.2.3")
meter = meters.get_meter("shop.metrics", "1.2.3")
requests = meter.create_counter("requests", unit="{request}", description="Requests by route")
opened = meter.create_up_down_counter("open")
load = meter.create_gauge("load")
duration = meter.create_histogram("duration", unit="ms")
size = meter.create_histogram("size", unit="By")

for i in range(TRACES):
    attributes = {"http.route": "/item/{id}", "i": i, "ratio": i / 7, "even": i % 2 == 0, "empty": "", "list": [1, 2, i], "names": ["a", ""]}
    with tracer.start_as_current_span(f"GET /item/{i % 7}", kind=trace.SpanKind.SERVER, attributes=attributes) as root:
        link = trace.Link(root.get_span_context(), {"link.kind": "cause"})
        with tracer.start_as_current_span("SELECT item", kind=trace.SpanKind.CLIENT, attributes={"db.system": "duckdb"}, links=[link]) as child:
            child.add_event("row", {"rows": i})
            if i % 10 == 0:
                child.record_exception(ValueError("broken"))
            child.set_status(trace.Status(trace.StatusCode.ERROR, "it broke") if i % 10 == 0 else trace.Status(trace.StatusCode.OK))
            logger.emit(LogRecord(severity_number=SeverityNumber.INFO, severity_text="INFO", body=f"item {i}", attributes={"i": i}))
            logger.emit(LogRecord(severity_number=SeverityNumber.WARN, body={"item": i, "nested": {"ok": True, "list": [1, "two"]}}, attributes={"raw": b"\x00\xff"}))
    requests.add(1, {"route": f"/item/{i % 7}"})
    opened.add(1 if i % 2 == 0 else -1)
    load.set(i / 10)
    duration.record(i * 1.5, {"route": f"/item/{i % 7}"})
    size.record(i * i)
logger.emit(LogRecord(body="outside of any trace", severity_number=SeverityNumber.ERROR))
logging.disable(logging.CRITICAL)
tracers.shutdown()
loggers.shutdown()
meters.shutdown()
json.dump(report, sys.stdout)

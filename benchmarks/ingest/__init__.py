"""How fast telemetry is acknowledged, committed and visible, and what that costs: `python -m benchmarks.ingest`."""

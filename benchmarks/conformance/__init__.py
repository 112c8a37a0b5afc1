"""Are captured calls of real SDKs stored once each, with what they said: `python -m benchmarks.conformance`."""

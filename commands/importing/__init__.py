"""`steelyard import`: history from a file, through the same door as live telemetry.

A file is read as text columns (`reading`), a mapping says which of them means what (`mapping`, `presets/`), one SQL
projection reads the values (`projection`, `macros.sql`), and each readable row becomes one OTLP span (`spans`) for the
receiver. From there on it is telemetry like any other: spooled, decoded, settled, priced.
"""

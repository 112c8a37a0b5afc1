"""What the two ends of the read API call things on the wire; apart from the client, which the server need not load."""

API_VERSION = "1"
VERSION_HEADER = "x-steelyard-api"
ARROW_STREAM = "application/vnd.apache.arrow.stream"

"""What the two ends of the read API call things on the wire; apart from the client, which the server need not load."""

API_VERSION = "1"
VERSION_HEADER = "x-steelyard-api"
# Whom a request is for, when that is somebody who may do less than its key: collector/narrowing.py.
AS_HEADER = "x-steelyard-as"
ARROW_STREAM = "application/vnd.apache.arrow.stream"

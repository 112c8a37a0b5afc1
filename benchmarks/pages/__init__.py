"""What a page costs: `python -m benchmarks.pages` (benchmarks/README.md)."""

import logging

# Outside its server Streamlit warns for every cache that it has none to keep.
logging.disable(logging.WARNING)

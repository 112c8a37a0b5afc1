"""The one way out to models: every call is bounded, retried with reason, and recorded."""

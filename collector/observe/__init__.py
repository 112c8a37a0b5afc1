"""What the collector says of itself: counters for Prometheus, and a log of events. Never of what it carries.

Everything else in the collector may call this room and it calls nobody, so counting is one line where the
thing happens. A label is one of a few fixed words, a log field is a number, a name of ours or a reason in our
words: no body, key, attribute or query text enters here.
"""

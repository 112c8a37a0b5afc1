"""Prompts: immutable versions of text files, filled in strictly. Pure: reads files, talks to nobody."""

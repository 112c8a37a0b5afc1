"""Evals judge prompts through the gateway: a suite, its golden set, scores, paired statistics, a verdict."""

"""Measurements of rfkit, each a command that prints a Markdown table: ``python -m tests.benchmarks.speed`` and so on."""

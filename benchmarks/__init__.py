"""Measurements of slanted beside its peers, from which docs/benchmarks.md is written."""

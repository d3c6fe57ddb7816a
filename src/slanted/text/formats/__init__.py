"""Bytes to records of cells, each with its line. Knows no label."""

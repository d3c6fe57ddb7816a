"""Readers of file formats: bytes to records of cells, each with its line. Nothing here interprets labels."""

"""Hatch's hook for the metadata: the README of a package, whose links and pictures work outside the repository.

`address` in pyproject.toml is where the files of the repository can be read, such as a host's page of raw files. While
it is empty, the README of the package is README.md as it is.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def absolute(text: str, address: str) -> str:
    """Return a text whose relative links begin with the address; unchanged if that is empty."""
    return RELATIVE.sub(rf"]({address.rstrip('/')}/\1)", text) if address else text


class ReadmeHook(MetadataHookInterface):
    """Sets the field `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the README in the metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        text = absolute(text, self.config.get("address", ""))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}

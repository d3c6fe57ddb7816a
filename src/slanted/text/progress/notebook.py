"""The view of a run in a notebook: a line of text and a plot in the output of the cell, updated in place."""

import sys
from html import escape
from typing import Any

import numpy as np

from slanted.errors import printable
from slanted.text.progress.plain import line_of
from slanted.text.progress.view import RunStart, Step, Throttle, Throughput, View

SECONDS_BETWEEN_REDRAWS = 0.5
WIDTH, HEIGHT, MOST_POINTS = 480, 64, 240


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook; Python and IPython in a terminal are not."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    return getattr(shell, "kernel", None) is not None


class NotebookView(View):
    """Prints messages, and shows the run as a plot that is updated in place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def say(self, text: str) -> None:
        """Print a line."""
        print(printable(text))

    def begin(self, shape: RunStart) -> None:
        """Start the clock and a new plot."""
        super().begin(shape)
        self._throttle, self._throughput = Throttle(SECONDS_BETWEEN_REDRAWS), Throughput(shape.first_step)
        self._handle = None
        self._losses: list[tuple[int, float]] = []

    def step(self, step: Step) -> None:
        """Draw the step if half a second has passed or it is the last."""
        if not self._throttle.due(step.done == self.shape.total_steps, step.is_shown):
            return
        self._losses.append((step.done, step.loss))
        if len(self._losses) > MOST_POINTS:
            self._losses = self._losses[::2]
        text = printable(line_of(self.shape, step, self._throughput.at(step), self.title))
        page = f"<div><code>{escape(text)}</code><br>{self._picture(step, text)}</div>"
        self._show({"text/plain": text, "text/html": page})

    def _show(self, bundle: dict[str, str]) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def _picture(self, step: Step, text: str) -> str:
        total = self.shape.total_steps
        at = WIDTH * step.done / total
        lines = [_polyline(np.array(self._losses, "float64"), total, "#c2410c")]
        if self.shape.groups is not None:
            curve = self.shape.groups.curve
            steps = np.unique(np.linspace(0, total - 1, min(total, MOST_POINTS)).astype("int64"))
            lines.append(_polyline(np.column_stack([steps, curve[steps]]), total, "#2563eb"))
        stroke = f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT}" stroke="#888" stroke-dasharray="2 2"/>'
        head = f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 -2 {WIDTH} {HEIGHT + 4}" role="img"'
        legend = '<small><span style="color:#2563eb">rate</span> <span style="color:#c2410c">loss</span></small>'
        return f'{head} aria-label="{escape(text, quote=True)}">{"".join(lines)}{stroke}</svg> {legend}'


def _polyline(points: np.ndarray, total_steps: int, colour: str) -> str:
    """Return (step, value) points as an SVG line over the run; its y axis ranges from 0 to the highest value."""
    x = WIDTH * points[:, 0] / total_steps
    top = points[:, 1].max()
    y = HEIGHT * (1.0 - points[:, 1] / top) if top > 0.0 else np.full(len(x), HEIGHT)
    drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="1.5"/>'

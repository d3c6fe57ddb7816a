"""Previews of a run: plan, costs, warnings, learning-rate finder. The model is restored."""

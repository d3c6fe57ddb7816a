"""The events of a run and who shows them. Decides nothing."""

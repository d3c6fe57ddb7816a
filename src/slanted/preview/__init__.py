"""What a run would do, before it is made: plan, costs, warnings, learning-rate finder. Trains nothing that stays."""

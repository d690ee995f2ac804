"""Learning curves: accuracy by the number of pictures."""

"""The search of recipe `auto`: candidates, their scores on folds, and the choice among them."""

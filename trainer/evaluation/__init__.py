"""How good a head is, how far its probabilities can be believed, and how it tells what it does not know."""

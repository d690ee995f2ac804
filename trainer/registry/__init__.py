"""The registry of heads, and a head's files, forward pass, unknown rule and golden set."""

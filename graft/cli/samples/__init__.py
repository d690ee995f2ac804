"""Real photographs to try Graft with, fetched from where they are published."""

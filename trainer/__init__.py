"""The trainer: datasets, training jobs, and the registry of the heads they produce."""

"""Fitting heads to vectors: recipes as gradient steps or closed forms, checkpoints, event files."""

"""Training one head in several processes at once, each with a part of every batch; docs/workers.md tells how."""

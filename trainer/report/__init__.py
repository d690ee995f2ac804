"""The report of a version: one HTML page of how it was trained, how well it does and where it errs."""

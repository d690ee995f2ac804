"""The trainer's catalog: datasets, jobs and the registry's rows in one SQLite file."""

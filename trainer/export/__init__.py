"""Exports: a version's trunk and head as one network in another program's format, checked before it is given out."""

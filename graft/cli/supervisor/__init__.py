"""Runs the four services on this machine under one home, and leaves none behind."""

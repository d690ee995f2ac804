"""What the four services share: start and stop, health, errors on the wire, logs, metrics, settings."""

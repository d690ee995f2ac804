"""Every way to bring a trunk, and what runs it."""

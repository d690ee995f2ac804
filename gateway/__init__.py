"""The gateway: the one public door; it composes picture to labels and passes the other services through."""

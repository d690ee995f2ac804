"""The classifier: applies trained heads to vectors with NumPy alone, and follows the trainer's registry."""

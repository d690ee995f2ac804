"""What is wrong with a dataset, found in its cached vectors and its catalog rows. Pure NumPy."""

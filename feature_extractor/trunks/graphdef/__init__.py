"""Trunks from frozen TensorFlow graphs (.pb): read, checked, cut for batches, and run; importing it is cheap."""

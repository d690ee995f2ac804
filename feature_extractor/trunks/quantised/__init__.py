"""The 8-bit trunk: made from the float32 one on pictures of the user's own, measured, kept, and run on OpenVINO."""

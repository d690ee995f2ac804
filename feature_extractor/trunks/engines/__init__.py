"""What runs the trunk: TensorFlow, JAX, a frozen graph of TensorFlow's, or OpenVINO; each gives a program."""

"""What the benchmarks are made of; the commands and their workers lie beside this package."""

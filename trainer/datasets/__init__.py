"""Datasets: importing pictures, the split and who is placed where, snapshots, and the vectors of one."""

"""Rows of the benchmark that need a network: a world of the lab, and in it the same traffic with different guards."""

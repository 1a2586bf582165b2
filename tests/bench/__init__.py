"""Benchmarks: what `make bench` prints. Ratios within one run, since machines are noisy; never timed tests."""

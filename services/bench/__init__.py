"""Benchmarks: the line's speed against bare baselines that are measured in the same run."""

"""Measurements that need more than `lipar bench`: programs to run by hand, figures go to docs/benchmarks.md."""

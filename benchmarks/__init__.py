"""Benchmarks beyond `lipar bench`: programs to run manually, with results in docs/benchmarks.md."""

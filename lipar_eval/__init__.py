"""What `lipar eval` and `lipar bench` measure: one part per module, from models and clips to rows of metrics."""

"""What `lipar eval` measures: one part a module, each a function from models and clips to rows of figures."""

"""The web process's side of a model process: starts it, supervises it, restarts it."""

"""The web process's side of the model processes: placement of sessions, supervision, the pipe to each."""

"""The `lipar` command: one subcommand a file, heavy imports inside."""

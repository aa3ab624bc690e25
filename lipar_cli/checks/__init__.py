"""The checks of `lipar doctor`, one noun per file: each takes a `Target` and returns a `Result`."""

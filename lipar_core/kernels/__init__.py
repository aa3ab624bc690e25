"""One operation a file: its reference, its fast versions, and the chooser between them."""

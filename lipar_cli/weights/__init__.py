"""Published checkpoints: their sources, their download, and the manifest of the downloaded files."""

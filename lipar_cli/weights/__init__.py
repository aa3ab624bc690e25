"""Published checkpoints: where they come from, how they are fetched, and what is known of those that are there."""

"""The networks, their loading and the prompt cache; no stream state."""

"""Checkpoint files: recognised, read, renamed, converted, merged with LoRAs, and assigned to modules."""

"""The state of one stream: frames waiting for a block, timestamps, past latents."""

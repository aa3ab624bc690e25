"""Frames between WebRTC and the rings. Never torch. What depends on time takes the time as an argument."""

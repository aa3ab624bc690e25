"""Reads any video file that FFmpeg supports as pictures of the model's size, and writes edited pictures to a file."""

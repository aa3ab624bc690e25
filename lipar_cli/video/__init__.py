"""Video files: any that FFmpeg reads becomes pictures of the model's size, and edited pictures become a file."""

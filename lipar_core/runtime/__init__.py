"""Runs a block: the few-step denoising loop and its timing."""

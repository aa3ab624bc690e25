"""Audio: Opus packets are forwarded unchanged, delayed so that they stay in sync with the edited video."""

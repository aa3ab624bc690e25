"""Sound beside the picture: Opus packets in, the same packets out when the picture of their time is shown."""

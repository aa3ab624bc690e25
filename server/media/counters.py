"""What has happened to a session's frames since it began."""

from dataclasses import dataclass


@dataclass(slots=True)
class FrameCounters:
    """Each only grows and has one writer, named beside it. Rates and ratios are derived by the reader.

    What a connection that has ended did not take stays counted.
    """

    received: int = 0  # FramePipeline: came in and were decoded
    undecodable: int = 0  # FramePipeline: came in and could not be
    admitted: int = 0  # Ingest: are for the model
    not_admitted: int = 0  # Ingest: the model has no time for them
    edited: int = 0  # FramePipeline: came back from the model
    not_returned: int = 0  # FramePipeline: were edited, and found no room on the way back
    too_late: int = 0  # Pacer: waited for their time for too long
    sent: int = 0  # Broadcast: were due, and given to all connections
    not_taken: int = 0  # EditedTrack: a connection had no room for them, once for each connection

    @property
    def dropped(self) -> int:
        """Frames given up on the way, and those that a connection did not get."""
        return self.not_admitted + self.not_returned + self.too_late + self.not_taken

"""Times that go on where two recordings were joined to one file."""

from fractions import Fraction

import av

# Seconds. Backwards no stream goes by itself; forwards, only a recording
# whose clock was set anew goes by so much.
_BACKWARDS, _FORWARDS = Fraction(1, 10), Fraction(10)


class Timeline:
    """Shifts packets so that each stream's times go on.

    Args:
        gaps: Whether a long gap is a clock set anew, as in a stream that was
            broadcast, and no pause.
    """

    def __init__(self, gaps: bool):
        self.gaps = gaps
        self._shift = Fraction(0)
        self._ends: dict[int, Fraction] = {}

    def place(self, packet: av.Packet) -> None:
        """Changes the packet's times; packets come as they are stored."""
        # Shown, frames do not follow each other as they are stored.
        unit, time = packet.time_base, packet.dts
        expected = self._ends.get(packet.stream_index)
        if packet.stream.type not in ("video", "audio"):
            time = None
        if time is not None and expected is not None:
            jump = time * unit + self._shift - expected
            if jump < -_BACKWARDS or (self.gaps and jump > _FORWARDS):
                self._shift -= jump
        shift = round(self._shift / unit)
        if packet.pts is not None:
            packet.pts += shift
        if packet.dts is not None:
            packet.dts += shift
        if time is not None:
            end = (time + shift + (packet.duration or 0)) * unit
            self._ends[packet.stream_index] = max(expected or end, end)

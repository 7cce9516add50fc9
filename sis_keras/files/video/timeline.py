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
        self._shift = self._before = Fraction(0)
        self._ends: dict[int, Fraction] = {}
        # Streams of which no packet came since the clock was set anew.
        self._late: set[int] = set()

    def place(self, packet: av.Packet) -> None:
        """Changes the packet's times; packets come as they are stored."""
        # Shown, frames do not follow each other as they are stored.
        unit, shift = packet.time_base, self._shift
        if packet.dts is not None and packet.stream.type in ("video", "audio"):
            time = packet.dts * unit
            shift = self._shift_of(packet.stream_index, time)
            end = time + shift + (packet.duration or 0) * unit
            before = self._ends.get(packet.stream_index, end)
            self._ends[packet.stream_index] = max(before, end)
        ticks = round(shift / unit)
        if packet.pts is not None:
            packet.pts += ticks
        if packet.dts is not None:
            packet.dts += ticks

    def _shift_of(self, index, time):
        expected = self._ends.get(index)
        if expected is None:
            return self._shift
        jump = time + self._shift - expected
        if index in self._late:
            # Some formats keep a stream's last packet back.
            if abs(time + self._before - expected) < abs(jump):
                return self._before
            self._late.discard(index)
            self._shift += max(-jump, Fraction(0))  # No two lie at one time.
        elif jump < -_BACKWARDS or (self.gaps and jump > _FORWARDS):
            self._before = self._shift
            self._shift -= jump
            self._late = set(self._ends) - {index}
        return self._shift

"""Histograms as SVG that is written into a page; no colour says anything."""

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np

MOST_BINS = 15
MOST_LABELS = 8
WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 34, 48
FILLS = ("url(#hatched)", "#111")  # Of the first and the second series.
HATCHED = (
    '<defs><pattern id="hatched" width="6" height="6" '
    'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#fff"/>'
    '<rect width="2" height="6" fill="#111"/></pattern></defs>'
)


def bins(values: Sequence[float]) -> np.ndarray:
    """Edges of at most 15 bins, multiples of 1, 2 or 5 times a power of ten.

    Args:
        values: Finite; one or more.
    """
    low, high = min(values), max(values)
    spread = high - low
    if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-9):
        spread = 0.0  # Rounding's.
    width = _round_number(spread / (MOST_BINS - 1) or 0.1)
    first, last = math.floor(low / width), math.ceil(high / width)
    edges = width * np.arange(first, max(last, first + 1) + 1)
    # 3 * 0.1 is more than 0.3.
    return np.round(edges, _digits(width))


def histogram(series: Mapping[str, Sequence[float]], axis: str) -> str:
    """How many values lie in each bin.

    Args:
        series: Finite values by name; one series, or two side by side.
        axis: What the values are, with their unit.

    Returns:
        An `svg` element. Where 0 lies within, a dashed line shows it.
    """
    every = [value for values in series.values() for value in values]
    edges = bins(every)
    counts = [np.histogram(x, edges)[0] for x in series.values()]
    plot = _Plot(edges, max(int(x.max()) for x in counts))
    parts = [HATCHED] if len(series) > 1 else []
    parts += [*plot.grid(), *plot.labels(axis)]
    for number, heights in enumerate(counts):
        fill = FILLS[number] if len(series) > 1 else FILLS[-1]
        parts += plot.bars(heights, number, len(series), fill)
    if edges[0] < 0 < edges[-1]:
        parts.append(plot.zero())
    if len(series) > 1:
        parts += _legend(series)
    name = html.escape(f"Histogram: {axis}")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
        + "".join(parts)
        + "</svg>"
    )


class _Plot:
    """Values and counts to places."""

    def __init__(self, edges, most):
        self.edges = edges
        self.step = max(1, int(_round_number(most / 4)))
        self.most = self.step * math.ceil(most / self.step)

    def x(self, value):
        share = (value - self.edges[0]) / (self.edges[-1] - self.edges[0])
        return LEFT + float(share) * (WIDTH - LEFT - RIGHT)

    def y(self, count):
        return HEIGHT - BOTTOM - count / self.most * (HEIGHT - TOP - BOTTOM)

    def grid(self):
        """A line and a number for some of the counts."""
        for count in range(0, self.most + 1, self.step):
            y = self.y(count)
            ink = "#bbb" if count else "#111"
            yield (
                f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{ink}"/>'
                f'<text x="{LEFT - 6}" y="{y + 5:.1f}" text-anchor="end">'
                f"{count}</text>"
            )

    def labels(self, axis):
        """The edges' values, as many as there is room for."""
        digits = _digits(self.edges[1] - self.edges[0])
        every = -(-len(self.edges) // MOST_LABELS)
        for edge in self.edges[::every]:
            yield (
                f'<text x="{self.x(edge):.1f}" y="{HEIGHT - BOTTOM + 19}" '
                f'text-anchor="middle">{edge + 0.0:.{digits}f}</text>'
            )
        yield (
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" '
            f'text-anchor="middle">{html.escape(axis)}</text>'
        )

    def bars(self, counts, place, of, fill):
        """One series: bar number `place` of `of` in each bin."""
        for count, low, high in zip(
            counts, self.edges, self.edges[1:], strict=False
        ):
            left, right = self.x(low) + 1, self.x(high) - 1
            width = (right - left) / of
            y = self.y(count)
            if count:
                yield (
                    f'<rect x="{left + place * width:.1f}" y="{y:.1f}" '
                    f'width="{width:.1f}" height="{self.y(0) - y:.1f}" '
                    f'fill="{fill}" stroke="#111"><title>{low:g} to {high:g}: '
                    f"{count}</title></rect>"
                )

    def zero(self):
        return (
            f'<path d="M{self.x(0):.1f} {TOP}V{HEIGHT - BOTTOM}" '
            'stroke="#111" stroke-width="2" stroke-dasharray="5 4"/>'
        )


def _legend(names):
    for number, (name, fill) in enumerate(zip(names, FILLS, strict=False)):
        x = LEFT + number * 120
        yield (
            f'<rect x="{x}" y="8" width="14" height="14" fill="{fill}" '
            f'stroke="#111"/><text x="{x + 20}" y="20">{html.escape(name)}'
            "</text>"
        )


def _round_number(least):
    """The smallest of 1, 2, 5, 10, … with any power of ten from `least` on."""
    power = 10.0 ** math.floor(math.log10(least))
    # 0.1 * 10 may be a little below 1.
    return next(
        x * power for x in (1, 2, 5, 10) if x * power >= least * (1 - 1e-9)
    )


def _digits(width):
    """Decimals that tell multiples of a round number apart."""
    return max(0, -math.floor(math.log10(width) + 1e-9))

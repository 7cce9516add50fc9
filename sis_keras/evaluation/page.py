"""Results of `evaluation.evaluate` as a page that opens without a network.

One folder: `index.html`, and the pictures that it shows.
"""

import contextlib
import html
import math
import pathlib
from collections.abc import Iterator

from sis_keras.errors import UserError
from sis_keras.evaluation import sheet
from sis_keras.evaluation.histogram import histogram
from sis_keras.evaluation.metrics import ranking
from sis_keras.evaluation.report import (
    Table,
    all_notes,
    all_table,
    images_table,
    label,
    number,
    sequences_notes,
    sequences_table,
    shown_protocol,
)
from sis_keras.files.atomic import atomic_folder
from sis_keras.files.pictures import write_rgb
from sis_keras.files.writable import check_folder

# Everything in ink on paper: it is read on a phone and from a laser printer.
STYLE = """
  body { margin: 0 auto; max-width: 1280px; padding: 0 16px 48px;
         font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff }
  h1, h2, h3, dd, td, th, figcaption { overflow-wrap: anywhere }
  h1 { font-size: 1.5rem } h2 { font-size: 1.25rem; margin-top: 2rem }
  h3 { font-size: 1rem; margin: 1.5rem 0 .5rem }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  th, td { padding: 2px 10px; text-align: right; white-space: nowrap }
  th:first-child, td:first-child { text-align: left; padding-left: 0 }
  thead tr:last-child th { border-bottom: 2px solid #111 }
  thead .group { text-align: left; border-left: 1px solid #888 }
  tbody tr + tr td { border-top: 1px solid #ccc }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px }
  dt { font-weight: 600 } dd { margin: 0 }
  figure { margin: 0 }
  .charts, .row { display: grid; gap: 24px 16px;
                  grid-template-columns: repeat(auto-fit, minmax(0, 1fr)) }
  .charts figure { max-width: 600px }
  svg { width: 100%; font: 15px system-ui, sans-serif }
  img { display: block; box-sizing: border-box; width: 100%; height: auto }
  .whole { position: relative; overflow: hidden; margin-bottom: 6px }
  .box { position: absolute; box-sizing: border-box;
         border: 2px solid #fff; outline: 2px solid #111 }
  .zoom { border: 2px solid #111 }
  @media (max-width: 700px) {
    .charts, .row, dl { grid-template-columns: minmax(0, 1fr) }
    dd { margin-bottom: 6px }
    table { font-size: .875rem } th, td { padding: 2px 5px }
  }
  @media print { figure, tr { break-inside: avoid } }
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


@contextlib.contextmanager
def new_page(folder) -> Iterator[pathlib.Path]:
    """Yields a temporary folder, which is `folder` when all is written.

    Raises:
        UserError: Something is there already, or it cannot be made.
    """
    folder = pathlib.Path(folder).resolve()
    there = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if there:
        raise UserError(
            "Expected a new or an empty folder. Received: "
            f"`report={folder}`, where something is already. Remove it, or "
            "name another."
        )
    check_folder(folder, "report")
    with atomic_folder(folder) as temporary:
        yield temporary


def page_in(folder) -> pathlib.Path:
    """What one opens."""
    return pathlib.Path(folder) / "index.html"


def write_page(folder, results: dict, rows) -> None:
    """Writes the page and its pictures.

    Args:
        folder: There already; see `new_page`.
        results: From `evaluation.evaluate`.
        rows: From `evaluation.extremes`.
    """
    folder = pathlib.Path(folder)
    shown = [_shown(folder, *row) for row in rows]
    protocol = results["protocol"]
    weights = protocol.get("weights", "a function")
    body = [
        _table(all_table(results)),
        _notes(all_notes(results)),
        "<h2>Every picture</h2>",
        f'<div class="charts">{_charts(results["images"])}</div>',
        "<h2>Before, after, sharp</h2>",
        _words_on_pictures(results["images"][0]),
        *shown,
        "<h2>Protocol</h2>",
        _definitions(shown_protocol(protocol)),
        "<h2>Tables</h2>",
        _folded("Sequences", sequences_table, results),
        _notes(sequences_notes(results)),
        _folded("Pictures", images_table, results),
    ]
    text = PAGE.format(
        title=html.escape(f"{weights}, on {protocol.get('source', 'pairs')}"),
        style=STYLE,
        body="\n".join(body),
    )
    # Whatever bytes the names of files are.
    page_in(folder).write_bytes(text.encode("utf-8", "backslashreplace"))


# === Words and numbers ===


def _table(table: Table) -> str:
    groups, (heading, *rows) = table
    head = f"<tr>{''.join(f'<th>{html.escape(x)}' for x in heading)}"
    if groups:
        head = f"<tr>{_spanning(groups)}{head}"
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(x)}" for x in row) for row in rows
    )
    return (
        '<div class="wide"><table>'
        f"<thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def _spanning(groups):
    """A cell for each group, over all its columns."""
    starts = [n for n, group in enumerate(groups) if group or not n]
    ends = [*starts[1:], len(groups)]
    return "".join(
        f'<th colspan="{end - start}"'
        + (' class="group">' if start else ">")
        + html.escape(groups[start])
        for start, end in zip(starts, ends, strict=True)
    )


def _folded(title, table, results):
    names = list(results["all"]["blurry"])
    return (
        f"<details><summary>{title}, every metric</summary>"
        f"{_table(table(results, names))}</details>"
    )


def _notes(lines):
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def _definitions(lines):
    pairs = (line.partition(": ") for line in lines)
    return (
        "<dl>"
        + "".join(
            f"<dt>{html.escape(topic)}<dd>{html.escape(value)}"
            for topic, _, value in pairs
        )
        + "</dl>"
    )


# === Histograms ===


def _charts(images):
    name = ranking(images[0]["blurry"])
    unit = " in dB" if name.startswith("psnr") else ""
    axis = f"{label(name)}{unit}"
    columns = {"before": "blurry", "after": "restored"}
    columns = {k: c for k, c in columns.items() if c in images[0]}
    charts = [
        _chart({k: _scores(images, c, name) for k, c in columns.items()}, axis)
    ]
    if "gain" in images[0]:
        gains = _scores(images, "gain", name)
        charts.insert(0, _chart({"gain": gains}, f"gain of {axis}"))
        charts[0] += f"<figcaption>{_gain_words(name, gains)}</figcaption>"
    return "".join(f"<figure>{chart}</figure>" for chart in charts)


def _scores(images, column, name):
    return [image[column][name] for image in images]


def _chart(series: dict[str, list[float]], axis: str) -> str:
    """A histogram of what is finite, and how much is not."""
    finite = {
        name: [x for x in values if math.isfinite(x)]
        for name, values in series.items()
    }
    left_out = [
        f"{len(series[k]) - len(v)} infinite ({k}) left out."
        for k, v in finite.items()
        if len(v) < len(series[k])
    ]
    drawn = histogram(finite, axis) if any(finite.values()) else ""
    return drawn + _notes(left_out)


def _gain_words(name, gains):
    least, most = (number(name, x(gains), signed=True) for x in (min, max))
    words = f"From {least} to {most}"
    if name.startswith(("psnr", "ssim")):  # Of which more is better.
        lost = sum(gain < 0 for gain in gains)
        words += f"; {lost} of {len(gains)} lose"
    return f"{words}."


# === Pictures ===


def _words_on_pictures(image):
    name = label(ranking(image["blurry"]))
    by, where = f"{name} of the input", "blur has done"
    if "gain" in image:
        by, where = f"gain of {name}", "the picture changed"
    return (
        f"<p>By {html.escape(by)}. The box lies where {where} most; below it "
        "the same place, enlarged.</p>"
    )


def _shown(folder, rank, entry, pictures):
    """One picture's row; writes its files."""
    top, left, height, width = sheet.most_changed(
        pictures["blurry"], pictures.get("restored", pictures["sharp"])
    )
    whole_height, whole_width = pictures["sharp"].shape[:2]
    box = ";".join(
        f"{side}:{100 * place / whole:.3f}%"
        for side, place, whole in (
            ("top", top, whole_height),
            ("left", left, whole_width),
            ("height", height, whole_height),
            ("width", width, whole_width),
        )
    )
    figures = ""
    for column in (x for x in sheet.ORDER if x in pictures):
        picture = pictures[column]
        crop = picture[top : top + height, left : left + width]
        names = f"{rank}_{column}.jpg", f"{rank}_{column}_enlarged.png"
        write_rgb(folder / names[0], picture)
        write_rgb(folder / names[1], sheet.enlarged(crop))
        figures += (
            "<figure>"
            f'<div class="whole"><img src="{names[0]}" alt="{column}" '
            f'width="{whole_width}" height="{whole_height}">'
            f'<div class="box" style="{box}"></div></div>'
            f'<img class="zoom" src="{names[1]}" alt="{column}, enlarged">'
            f"<figcaption>{html.escape(sheet.caption(column, entry))}"
            "</figcaption></figure>"
        )
    name = html.escape(entry["name"])
    return f'<h3>{rank}: {name}</h3><div class="row">{figures}</div>'

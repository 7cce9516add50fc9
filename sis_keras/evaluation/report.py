"""Results of `evaluation.evaluate` as a text table, JSON and CSV."""

import csv
import json
import math
import textwrap
from collections.abc import Sequence

from sis_keras.files.atomic import atomic_path

COLUMNS = ("blurry", "restored", "gain")
WIDTH = 100  # of the protocol's lines
SECONDS = ("seconds", "seconds_with_decoding")
LABELS = {
    "psnr": "PSNR",
    "psnr_y": "PSNR y",
    "ciede2000": "CIEDE2000",
    "psnr_kohler": "PSNR Köhler",
    "psnr_single_gt": "PSNR single-gt",
    "ssim_kohler": "MS-SSIM Köhler",
    "ssim_single_gt": "MS-SSIM single-gt",
    "shift_red": "shift red",
    "shift_green": "shift green",
    "shift_blue": "shift blue",
}


def text_table(results: dict, max_images: int = 100) -> str:
    """The results as aligned text, headed by their protocol.

    Each image and each sequence is a row with PSNR and the first SSIM; every
    metric stands in the last block, over all images.

    Args:
        results: From `evaluation.evaluate`.
        max_images: With more images than this their rows are left out.
    """
    names = _brief_names(results)
    blocks = [["Protocol"] + protocol_text(results["protocol"])]
    images = results["images"]
    if len(images) <= max_images:
        blocks.append(aligned(*images_table(results, names)))
    else:
        blocks.append([f"{len(images)} images: each one is in JSON and CSV."])
    blocks.append(
        aligned(*sequences_table(results, names)) + sequences_notes(results)
    )
    blocks.append(all_block(results))
    return "\n\n".join("\n".join(block) for block in blocks)


def write_json(path, results: dict) -> None:
    """Writes all results; infinities become the string "inf"."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(jsonable(results), indent=2, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def write_csv(path, results: dict) -> None:
    """Writes a row for each image, each sequence and for all.

    The protocol stands above, in lines that begin with "#":
    `pandas.read_csv(path, comment="#")` reads the table. `scope` is "image",
    "sequence" or "all"; `infinite` counts values left out of a row's means.
    """
    scopes = [
        ("image", name, entry) for name, entry in _named(results["images"])
    ]
    scopes += [("sequence", *item) for item in results["sequences"].items()]
    scopes.append(("all", "", results["all"]))
    rows = [_csv_row(*scope) for scope in scopes]
    with (
        atomic_path(path) as temporary,
        # Whatever bytes the names of files are.
        open(
            temporary,
            "w",
            newline="",
            encoding="utf-8",
            errors="surrogateescape",
        ) as file,
    ):
        for line in _protocol_lines(results["protocol"]):
            file.write(f"# {line}\n")
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


# === Tables: a line that spans columns, and the rows under it, all text ===

Table = tuple[list[str], list[list[str]]]


def images_table(results: dict, names: list[str]) -> Table:
    """A row for each image, after their heading.

    Args:
        results: From `evaluation.evaluate`.
        names: Of the metrics that are shown.

    Returns:
        What stands above the columns, "" where it is what stands before; and
        the rows, the first of which says what the columns are.
    """
    return _scores_table("Image", names, _named(results["images"]))


def sequences_table(results: dict, names: list[str]) -> Table:
    """The same for each sequence."""
    rows = [
        (f"{name} (n={entry['count']})", entry)
        for name, entry in results["sequences"].items()
    ]
    return _scores_table("Sequence", names, rows)


def all_table(results: dict) -> Table:
    """The means over all images, a row for each metric."""
    entry = results["all"]
    columns = [column for column in COLUMNS if column in entry]
    rows = [[f"All (n={entry['count']})"] + columns]
    for name in entry["blurry"]:
        rows.append([label(name)] + _cells(entry, columns, [name]))
    return [], rows


def sequences_notes(results: dict) -> list[str]:
    """What was left out of the sequences' means, in words."""
    return [
        note
        for name, entry in results["sequences"].items()
        for note in _infinite_notes(f"{name}: ", entry)
    ]


def all_notes(results: dict) -> list[str]:
    """What was left out of the means over all images, and the seconds."""
    entry = results["all"]
    lines = _infinite_notes("", entry)
    if "seconds" in entry:
        seconds = f"Median seconds an image: {entry['seconds']:.3f} alone"
        if "seconds_with_decoding" in entry:
            decoded = entry["seconds_with_decoding"]
            seconds += f", {decoded:.3f} with decoding"
        lines.append(seconds + ".")
    return lines


def all_block(results: dict) -> list[str]:
    """`all_table` and `all_notes` as lines."""
    return aligned(*all_table(results)) + all_notes(results)


def shown_protocol(protocol: dict) -> list[str]:
    """The protocol for people, `topic: value`, the versions in one line."""
    versions = protocol.get("software", {})
    return _protocol_lines(
        protocol
        | {"software": ", ".join(f"{k} {v}" for k, v in versions.items())}
    )


def label(name: str) -> str:
    """How a metric is called in tables: "ssim_y" becomes "SSIM y"."""
    return LABELS.get(name, name.replace("ssim_", "SSIM "))


def number(name: str, value: float, signed: bool = False) -> str:
    """A metric's value with the digits that mean something."""
    digits = 4 if name.startswith("ssim") else 3
    return f"{value:{'+' if signed else ''}.{digits}f}"


def _named(images):
    return [(image["name"], image) for image in images]


def _brief_names(results):
    names = list(results["all"]["blurry"])
    ssim = [name for name in names if name.startswith("ssim")]
    brief = [name for name in names if name == "psnr"] + ssim[:1]
    return brief or names[:2]


def _protocol_lines(protocol):
    """A line for each topic; dictionaries as "topic.key"."""
    lines = []
    for topic, value in protocol.items():
        if isinstance(value, dict):
            lines += [f"{topic}.{key}: {item}" for key, item in value.items()]
        else:
            lines.append(f"{topic}: {value}")
    return [" ".join(line.split()) for line in lines]


def protocol_text(protocol: dict) -> list[str]:
    """`shown_protocol`, wrapped."""
    return [
        wrapped
        for line in shown_protocol(protocol)
        for wrapped in textwrap.wrap(
            line, WIDTH, initial_indent="  ", subsequent_indent="    "
        )
    ]


def _scores_table(title, names, entries):
    columns = [column for column in COLUMNS if column in entries[0][1]]
    seconds = [heading for heading in SECONDS if heading in entries[0][1]]
    rows = [[title] + columns * len(names)]
    rows[0] += ["alone", "+decoding"][: len(seconds)]
    for name, entry in entries:
        rows.append(
            [name]
            + _cells(entry, columns, names)
            + [f"{entry[heading]:.3f}" for heading in seconds]
        )
    groups = [""] + [
        label(name) if column == columns[0] else ""
        for name in names
        for column in columns
    ]
    groups += ["seconds", ""][: len(seconds)]
    return groups, rows


def _cells(entry, columns, names):
    return [
        number(name, entry[column][name], signed=column == "gain")
        for name in names
        for column in columns
    ]


def _infinite_notes(prefix, entry):
    return [
        f"{prefix}{label(name)} {column}: infinite for {count} of "
        f"{entry['count']} images, left out of the mean."
        for column, counts in entry.get("infinite", {}).items()
        for name, count in counts.items()
    ]


def aligned(groups: Sequence[str], rows: list[list[str]]) -> list[str]:
    """Rows as lines of equal columns, under `groups` that may span several."""
    widths = [
        max(len(cell) for cell in column) for column in zip(*rows, strict=True)
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    heading = ""
    for i, group in enumerate(groups):
        if group:
            heading = heading.ljust(sum(widths[:i]) + 2 * i) + group
    return [heading] * bool(heading) + lines


def _csv_row(scope, name, entry):
    row = {
        "scope": scope,
        "name": name,
        "images": entry.get("count", 1),
        "width": entry.get("width", ""),
        "height": entry.get("height", ""),
    }
    row |= {s: entry[s] for s in SECONDS if s in entry}
    for column in COLUMNS:
        for metric, value in entry.get(column, {}).items():
            row[f"{column}_{metric}"] = value
    row["infinite"] = " ".join(
        f"{column}_{metric}={count}"
        for column, counts in entry.get("infinite", {}).items()
        for metric, count in counts.items()
    )
    return row


def jsonable(value):
    """The same with "inf" and "nan" for what JSON has no numbers for."""
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value

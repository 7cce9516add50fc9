"""What every benchmark prints: the machine, and a table."""

import importlib.metadata
import os
import pathlib
import platform

MODULES = ("tensorflow", "keras", "numpy", "cv2")


def machine() -> str:
    """Processor, cores, system and library versions, in one paragraph.

    Imports none of the libraries, so that the calling process stays small.
    """
    versions = [f"Python {platform.python_version()}"]
    providers = importlib.metadata.packages_distributions()
    for module in MODULES:
        library = providers[module][0]
        versions.append(f"{library} {importlib.metadata.version(library)}")
    load = ""
    if hasattr(os, "getloadavg"):
        load = f"\nload average {os.getloadavg()[0]:.1f} at the start"
    return f"{_cores()}\n{', '.join(versions)}{load}"


def _cores():
    count = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    model = platform.processor() or platform.machine()
    information = pathlib.Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{count} cores of {model}, {platform.system()}"


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Columns of one width each; the first to the left, others to the right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line(cells):
        first, *others = zip(cells, widths, strict=True)
        return "  ".join(
            [first[0].ljust(first[1]), *(c.rjust(w) for c, w in others)]
        ).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(header), rule, *map(line, rows)])


def spread(values: list[float], digits: int) -> str:
    """`min..max`."""
    return f"{min(values):.{digits}f}..{max(values):.{digits}f}"

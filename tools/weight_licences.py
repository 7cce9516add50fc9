"""Which licence each weight file has: it follows from what it learned from."""

RESEARCH = "research use"
NON_COMMERCIAL = "CC BY-NC 4.0"
UNKNOWN = "licence unknown"
# Part of a source's name: what it is, its licence. The first that fits.
DATA = {
    "gopro_derived": ("averages of GOPRO_Large_all's frames", "CC BY 4.0"),
    "frames_240fps": ("frames of GOPRO_Large_all", "CC BY 4.0"),
    "gopro": ("GOPRO_Large", "CC BY 4.0"),
    "reds": ("REDS", "CC BY 4.0"),
    "bsds500": ("BSDS500 photographs", RESEARCH),
    "urban100": ("Urban100 photographs", RESEARCH),
    # That of the pictures; BSD is the licence of the code beside them.
    "davis": (
        "DAVIS 2016, frames of video, some from YouTube",
        NON_COMMERCIAL,
    ),
    "SIS_DATA/video": (
        "frames of the video examples of SAM 2, SAM 3 and Cutie",
        "Apache-2.0, SAM License, MIT, as their repositories, "
        f"{NON_COMMERCIAL} where DAVIS's",
    ),
    "clic2025": ("CLIC 2025 photographs", "Unsplash licence"),
    "wallpapers": ("photographs", "Unsplash licence"),
    "cid22": ("CID22 photographs", "CC BY-SA 4.0"),
    "kodak": ("Kodak's photographs", "free of restrictions"),
    "gb82": ("photographs of gb82", "CC0"),
    "photos/places": (
        "photographs of streets, of software repositories",
        "BSD, MIT, Apache-2.0, as these",
    ),
    "flat": ("flat colours, made here", "none"),
    "skimage": ("scikit-image's photographs", "as scikit-image lists them"),
}
BEFORE = """\
## Licences, by file

The code is Apache-2.0 ([LICENSE](../LICENSE)). Each weight file has a licence
of its own, by the pictures that it was trained on:
"""
AFTER = """\
**Research use only** means research, teaching and trying it out, and no product
or service: BSDS500 and Urban100 are given for research, and these weights
learned from them. DAVIS is CC BY-NC 4.0 by the terms of use in its README,
whose credits say Attribution 4.0, but for eight sequences from YouTube under
the terms there, two of which, `drift-chicane` and `drift-straight`, are trained
on. Whoever needs weights for more takes such sources out of the recipe and
trains anew; a file whose pictures are all free for any use would be Apache-2.0,
as the code is. None of the other licences speaks of weights. CC BY asks for the
names below; CID22 asks that adaptations be shared alike, and we do not hold
weights, from which no picture can be had back, to be an adaptation of a
picture, but that is our opinion and no court's.
"""


def named(source: str) -> tuple[str, str]:
    """What a source of `--train_data` is, and its licence."""
    for part, words in DATA.items():
        if part in source:
            return words
    return "other data", UNKNOWN


def licence_of(sources: list[str]) -> str:
    """Of weights that were trained on these."""
    found = {named(source)[1] for source in sources}
    if UNKNOWN in found or not sources:
        return "none: data of unknown licence"
    bound = any(RESEARCH in x or NON_COMMERCIAL in x for x in found)
    return "**research use only**" if bound else "Apache-2.0"


def trained_on(name: str, entries: dict) -> list[str]:
    """Sources of a released model, and of what it was made from."""
    card = entries[name]["card"]
    sources = list(card.get("train_data", []))
    interpolated = card.get("interpolated", {})
    before = interpolated.get("from")
    if "train_data" in interpolated:
        sources += interpolated["train_data"]
    elif before in entries:
        sources += trained_on(before, entries)
    elif before:
        sources.append(UNKNOWN)  # No card tells what that file learned from.
    return sources


def licence_section(
    entries: dict, trunks: dict[str, list[str]]
) -> tuple[str, tuple[list[str], list[list[str]]], str]:
    """What stands before the table, the table, and what after it.

    Args:
        entries: Of the manifest, by name.
        trunks: Sources of weights that are not released, by their file.
    """
    sources = {
        entries[name]["file"]: trained_on(name, entries) for name in entries
    }
    rows = [
        [f"`{file}`", licence_of(every), _by_licence(every)]
        for file, every in (sources | trunks).items()
    ]
    header = [
        "file",
        "licence",
        "licences of the pictures that it was trained on",
    ]
    return BEFORE, (header, rows), AFTER


def _by_licence(sources):
    """Each licence once; of what binds weights also what they are."""
    binding = (RESEARCH, NON_COMMERCIAL, UNKNOWN)
    found = {licence: [] for licence in binding}
    for source in sources:
        what, licence = named(source)
        found.setdefault(licence, [])
        if what not in found[licence]:
            found[licence].append(what)
    first = [
        f"{licence} ({', '.join(found.pop(licence))})"
        for licence in binding
        if found[licence]
    ]
    others = sorted(x for x, whats in found.items() if whats and x != "none")
    return "; ".join([*first, *others])

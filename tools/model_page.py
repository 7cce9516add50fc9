"""The text of docs/models.md, from the manifest and the figures."""

import textwrap

from sis_keras.evaluation.report import number
from tools.weight_licences import licence_section, named

WIDTH = 120
TITLES = {
    "gopro": "GoPro subset, n={count}",
    "synthetic": "synthetic dynamic blur, BSDS500 test, n={count}",
    "reds": "REDS, n={count}",
    "sharp": "sharp already, BSDS500 test, n={count}",
}
SHORT = {"gopro": "GoPro", "reds": "REDS"}
HEAD = """\
# Models

Weights in `sis_keras/weights/files/`, by name: `load_restorer("{first}")`,
`python evaluate.py --weights={first} …`. This page is what
`SIS_DATA=FOLDER python -m tools.models` writes; all figures, with their
whole protocols, are in [models.json](models.json).
"""
PROTOCOL = """\
"blurred" is the input itself, scored the same way. PSNR in dB over whole uint8
RGB frames after clip and round; the SSIM definitions are those of
`sis_keras/evaluation/metrics.py`; means over pictures. "Made worse": pictures
with less PSNR than blurred. The GoPro subset is {gopro} pairs
of one sequence of GOPRO_Large's test half, not its 1111, so no published table
compares with it; for orientation, the published weights of DMPHN 1-2-4-8 (CVPR
2019) score 32.16 dB on these pairs and take 20.9 seconds a picture on two
cores. Synthetic blur: `{source}`, {input}. Seconds a picture are in
[evaluation](evaluation.md) and [speed](speed.md).
"""
CREDITS = """\
## Whose pictures

The pictures on this page are crops, blurred, restored and sharp, of GOPRO_Large
(S. Nah, T. H. Kim, K. M. Lee: Deep Multi-scale Convolutional Neural Network for
Dynamic Scene Deblurring, CVPR 2017) and REDS (S. Nah and others: NTIRE 2019
Challenge on Video Deblurring and Super-Resolution: Dataset and Study, CVPR
Workshops 2019), both [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
BSDS500 (P. Arbeláez and others, PAMI 2011) and Urban100 (J.-B. Huang and
others, CVPR 2015) are for research; none of their pictures is shown.
"""


def page(entries: dict, models: dict, trunks: dict[str, list[str]]) -> str:
    """Markdown.

    Args:
        entries: Of the manifest, by name.
        models: From `tools.models`, by the same names, as read from
            JSON: infinities are strings.
        trunks: Sources that weights which are not released were trained on,
            by their file.
    """
    scores = next(iter(models.values()))["scores"]
    protocol = PROTOCOL.format(
        gopro=scores["gopro"]["count"],
        source=scores["synthetic"]["protocol"]["source"],
        input=scores["synthetic"]["protocol"]["input"],
    )
    parts = [
        _filled(HEAD.format(first=next(iter(entries)))),
        _table(*_summary(entries, models)),
        _filled(protocol),
    ]
    for name, entry in entries.items():
        parts += _card(name, entry, models[name])
    before, rows, after = licence_section(entries, trunks)
    parts += [_filled(before), _table(*rows), _filled(after)]
    return "\n\n".join([*parts, _filled(CREDITS)]) + "\n"


def _summary(entries, models):
    header = [
        "",
        "parameters",
        "file",
        "GoPro subset: PSNR",
        "`ssim_gaussian`",
        "`ssim_matlab3d`",
        "synthetic: PSNR",
        "sharp: mean and worst PSNR",
    ]
    first = next(iter(models.values()))["scores"]
    rows = [["blurred"] + [""] * 2 + _brief(first, "blurry") + [""]]
    for name, model in models.items():
        scores, sharp = model["scores"], model["scores"]["sharp"]
        rows.append(
            [
                f"`{name}`",
                f"{model['parameters'] / 1e6:.1f} M",
                f"{entries[name]['bytes'] / 2**20:.1f} MiB",
                *_brief(scores, "restored"),
                f"{_dB(sharp['restored']['psnr'])}, {_dB(sharp['worst'])}",
            ]
        )
    return header, rows


def _brief(scores, column):
    names = ("psnr", "ssim_gaussian", "ssim_matlab3d")
    cells = [number(n, scores["gopro"][column][n]) for n in names]
    return [*cells, _dB(scores["synthetic"][column]["psnr"])]


def _card(name, entry, model):
    card, scores = entry["card"], model["scores"]
    facts = (_filled(f"- {line}", "  ") for line in _facts(entry, card))
    return [
        f"## {name}",
        "\n".join(facts),
        _table(*_scores(scores, card)),
        _filled(_harm(scores["sharp"])),
        f"![blurred, restored, sharp](models/{name}.jpg)",
        _filled(_failures(model["failures"])),
    ]


def _facts(entry, card):
    yield f"Preset `{entry['preset']}`, file `{entry['file']}`."
    yield "Trained on: " + "; ".join(map(_source, card.get("train_data", [])))
    yield "Weights chosen on: " + "; ".join(
        map(_source, card.get("validation_data", []))
    )
    steps = f"{card.get('step', 'unknown')} steps"
    if "batch_size" in card and "crop_size" in card:
        steps += f" of {card['batch_size']} crops of {card['crop_size']}"
    yield f"{steps}, {card['device_hours']}; recipe: `{card['recipe']}`."
    if "float16_cost" in card:
        yield (
            "Stored as float16, which costs "
            f"{max(card['float16_cost'], 0.0):.4f} dB on validation pairs."
        )
    yield f"Limits: {card['limits']}"


def _source(text):
    what, licence = named(text)
    return f"{what} (`{text}`, {licence})"


def _scores(scores, card):
    header = ["", "", "PSNR", "`ssim_gaussian`", "`ssim_matlab3d`"]
    header += ["CIEDE2000", "shift R, G, B", "made worse"]
    rows = []
    for key, entry in scores.items():
        title = TITLES[key].format(count=entry["count"])
        if key == "reds":
            seen = any("reds" in x for x in card.get("train_data", []))
            title += ", same scene, trained on" if seen else ", not trained on"
        if key == "sharp":  # The input is the target.
            rows.append(_row(title, "restored", entry, ""))
            continue
        rows.append(_row(title, "blurred", entry, ""))
        rows.append(_row("", "restored", entry, str(entry["worse"])))
    return header, rows


def _row(title, label, entry, worse):
    values = entry["blurry" if label == "blurred" else label]
    names = ("psnr", "ssim_gaussian", "ssim_matlab3d", "ciede2000")
    shift = [values[f"shift_{c}"] for c in ("red", "green", "blue")]
    scores = [_number(name, values[name]) for name in names]
    shifts = ", ".join(f"{value:+.2f}" for value in shift)
    return [title, label, *scores, shifts, worse]


def _harm(sharp):
    text = (
        "A sharp picture should come back as it was. The input is the target "
        f"here: mean {_dB(sharp['restored']['psnr'])} dB, worst "
        f"{_dB(sharp['worst'])} dB (`{sharp['worst_name']}`), "
        f"{sharp['below']:.0%} of the pictures under 40 dB."
    )
    if sharp["untouched"]:
        text += f" {sharp['untouched']} came back untouched, not in the mean."
    return text


def _failures(failures):
    words = [
        f"{SHORT[x['set']]} {x['name']} at {x['left']}, {x['top']}, "
        f"{_dB(x['blurry'])} dB blurred, {_dB(x['restored'])} restored"
        for x in failures
    ]
    return (
        "Where it did worst (blurred, restored, sharp; the places in the GoPro "
        "and REDS pictures whose squared error grew most, or fell least): "
        + "; ".join(words)
        + "."
    )


def _dB(value):  # noqa: N802
    return _number("psnr", value)


def _number(name, value):
    return value if isinstance(value, str) else number(name, value)


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _filled(text, indent=""):
    """Each paragraph in lines of `WIDTH`."""
    return "\n\n".join(
        textwrap.fill(
            paragraph,
            WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in text.split("\n\n")
    )

"""Table 1, the discriminator as built: python -m experiments.table1"""

from experiments.command import Settings, run_one
from experiments.tables import published, write_table

SIDE = 256  # M and N of the table
HEADER = (
    "printed",
    "filter",
    "stride",
    "padding",
    "built",
    "filter",
    "stride",
    "padding",
    "output",
    "parameters",
)


def built_rows(discriminator, side: int = SIDE) -> list[tuple[str, ...]]:
    """Name, filter, stride, padding, output and parameters of each layer.

    Args:
        discriminator: What `build_discriminator` gives.
        side: Height and width of the picture that "output" is for.
    """
    rows = []
    shape = (1, side, side, 3)
    for layer in discriminator.layers[1:]:
        shape = layer.compute_output_shape(shape)
        rows.append(
            (
                layer.name,
                _filter(layer),
                _single(getattr(layer, "strides", None)),
                getattr(layer, "padding", ""),
                "x".join(map(str, shape[1:])),
                str(layer.count_params()),
            )
        )
    return rows


def _filter(layer):
    if hasattr(layer, "kernel"):
        size = "x".join(map(str, layer.kernel.shape))
        return f"{size}, {layer.activation.__name__}"
    return "x".join(map(str, getattr(layer, "pool_size", ())))


def _single(strides):
    return str(strides[0]) if strides else ""


def beside(printed: list[dict], built: list[tuple]) -> list[tuple]:
    """The paper's rows beside the built ones that do their work.

    The built network has a layer more, its input's scale, at its head.
    """
    rows = [("(none)", "", "", "", *built[0])]
    for row, layer in zip(printed, built[1:], strict=True):
        rows.append((*row.values(), *layer))
    return rows


def run(settings: Settings) -> str:
    """Markdown; `table1.csv` and `.md` in the output."""
    from sis_keras.quiet import import_tensorflow

    import_tensorflow()
    from sis_keras.networks.discriminator import build_discriminator

    network = build_discriminator()
    table = write_table(
        settings.output,
        "table1",
        HEADER,
        beside(published("table1"), built_rows(network)),
    )
    return (
        f"{table}\n{network.count_params():,} parameters; sizes for a picture "
        f"of {SIDE}x{SIDE}. Two of these play, one on whole crops, one on a "
        "quarter of each. Three rows differ from the print, which contradicts "
        "itself: RGB enters, not one channel; Conv 4 is 3x3 with stride 1, "
        "else the pooling row would be M/16; Conv 9 has one filter, else "
        "nothing makes one score of 64 maps.\n"
    )


if __name__ == "__main__":
    run_one(__doc__, run)

"""What a training step takes of memory: python -m benchmarks.training_memory

Peak resident memory of a training step, each case in a process of its own:
presets, crop sizes and crops, with --gradient_accumulation and --recompute of
train.py. "by steps" is how far the peak rose above what TensorFlow, the
networks and the optimizer took before the first step. The content loss alone;
with --game both discriminators, too. Seconds are the fastest step's.
"""

from benchmarks import measuring
from benchmarks.network import some_of
from benchmarks.processes import each_in_a_process
from benchmarks.reporting import machine, text_table
from sis_keras.commands.program import Parser
from sis_keras.networks.presets import PRESETS

HEADER = [
    "preset",
    "crops",
    "of",
    "parts",
    "recompute",
    "peak memory",
    "by steps",
    "seconds",
]


def cases(arguments) -> list[measuring.Case]:
    """Each way to save memory with each preset, size and number of crops."""
    task = measuring.GAME if arguments.game else measuring.TRAINING
    return [
        measuring.Case(
            preset,
            task,
            arguments.precision,
            0,
            0,
            crops,
            crop_size,
            arguments.repeats,
            parts,
            recompute,
        )
        for preset in arguments.presets
        for crop_size in arguments.crop_sizes
        for crops in arguments.crops
        for parts in arguments.parts
        if crops % parts == 0
        for recompute in (False, True)
    ]


def row(case: measuring.Case, result: dict) -> list[str]:
    """Of the table."""
    peak = result["memory_mib"]
    return [
        case.preset,
        str(case.crops),
        str(case.crop_size),
        str(case.accumulation),
        "yes" if case.recompute else "no",
        f"{peak:.0f} MiB",
        f"{peak - result['memory_before_mib']:.0f} MiB",
        f"{min(result['seconds']):.2f}",
    ]


def whole_numbers(text):
    return [int(x) for x in text.split(",")]


def parsed():
    parser = Parser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    add = parser.add_argument
    add("--presets", type=some_of(PRESETS), default=["sisnet"])
    add("--crop_sizes", type=whole_numbers, default=[512])
    add("--crops", type=whole_numbers, default=[1, 2, 4])
    add("--parts", type=whole_numbers, default=[1, 2, 4])
    add("--precision", default="float32")
    add("--game", action="store_true", help="a step of the game")
    add("--repeats", type=int, default=1, help="timed steps of each")
    return parser.parse_args()


def main():
    arguments = parsed()
    chosen = cases(arguments)
    print(machine(), flush=True)
    results = list(each_in_a_process(measuring.measure_memory, chosen))
    rows = [row(*pair) for pair in zip(chosen, results, strict=True)]
    game = "the game" if arguments.game else "the content loss"
    print(f"on {results[0]['device']}, {arguments.precision}, {game}\n")
    print(text_table(HEADER, rows))


if __name__ == "__main__":
    main()

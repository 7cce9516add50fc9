"""What `tf.distribute` costs a training step: python -m benchmarks.strategies

Steps of one batch without a strategy (as --strategy=one trains), of
MirroredStrategy with one device, and with two logical devices that share the
CPU. They take turns, and what is printed is the ratio of each to the step
without a strategy of the same turn, so that other work on the machine weighs
on all alike. Two logical devices have the same cores as one: what is above 1
there is what meeting costs, and what synchronised batch statistics cost.
So do steps without a strategy that save memory (benchmarks.training_memory).
"""

import os
import statistics
import time

from benchmarks import measuring
from benchmarks.network import some_of
from benchmarks.processes import each_in_a_process
from benchmarks.reporting import machine, spread, text_table
from sis_keras.commands.program import Parser
from sis_keras.networks.presets import PRESETS

ONE = "no strategy"
SAVING: dict[str, dict] = {
    "--gradient_accumulation=4": {"accumulation": 4},
    "--recompute": {"recompute": True},
}
DEVICES = {
    "MirroredStrategy, 1 device": ["CPU:0"],
    "MirroredStrategy, 2 logical devices": ["CPU:0", "CPU:1"],
}
HEADER = ["preset", "step", "seconds", "to no strategy", "min..max"]


def measure(case: measuring.Case) -> dict[str, list[float]]:
    """Seconds of each step by strategy, turn by turn, after two turns."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_dtype_policy(case.precision)
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    tf.config.experimental.enable_op_determinism()  # as train.py
    alone = tf.distribute.get_strategy()
    steps = {ONE: _step(case, alone)}
    for name, change in SAVING.items():
        steps[name] = _step(case._replace(**change), alone)
    for name, devices in DEVICES.items():
        steps[name] = _step(case, tf.distribute.MirroredStrategy(devices))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(2 + case.repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    return {name: found[2:] for name, found in seconds.items()}


def _step(case, strategy):
    """A call that trains on one batch, as `TrainingRun` does."""
    import tensorflow as tf

    replicas = strategy.num_replicas_in_sync
    with strategy.scope():
        gan = measuring.make_gan(case, synchronized=replicas > 1)
    whole = measuring.make_batch(case)

    def part(context):
        first = context.replica_id_in_sync_group
        return {key: x[first::replicas] for key, x in whole.items()}

    batch = strategy.experimental_distribute_values_from_function(part)

    @tf.function(autograph=False)
    def step(batch):
        logs = strategy.run(gan.train_step, args=(batch,))
        return strategy.reduce("MEAN", logs["loss"], axis=None)

    return lambda: float(step(batch))


def rows(case: measuring.Case, seconds: dict) -> list[list[str]]:
    """Of the table: a strategy each."""
    found = []
    for name, own in seconds.items():
        ratios = [x / y for x, y in zip(own, seconds[ONE], strict=True)]
        found.append(
            [
                case.preset,
                name,
                f"{statistics.median(own):.3f}",
                f"{statistics.median(ratios):.2f}",
                spread(ratios, 2),
            ]
        )
    return found


def parsed():
    parser = Parser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    add = parser.add_argument
    smallest_first = list(reversed(PRESETS))
    add("--presets", type=some_of(PRESETS), default=smallest_first)
    add("--precision", default="float32")
    add("--game", action="store_true", help="a step of the game")
    add("--crops", type=int, default=8, help="of all devices together")
    add("--crop_size", type=int, default=128)
    add("--repeats", type=int, default=15, help="turns")
    return parser.parse_args()


def main():
    arguments = parsed()
    cases = [
        measuring.Case(
            preset,
            measuring.GAME if arguments.game else measuring.TRAINING,
            arguments.precision,
            0,
            0,
            arguments.crops,
            arguments.crop_size,
            arguments.repeats,
        )
        for preset in arguments.presets
    ]
    print(machine(), flush=True)
    table = []
    for case, seconds in zip(
        cases, each_in_a_process(measure, cases), strict=True
    ):
        table += rows(case, seconds)
    game = "the game" if arguments.game else "the content loss"
    print(
        f"{arguments.crops} crops of {arguments.crop_size}, "
        f"{arguments.precision}, {game}, {arguments.repeats} turns\n"
    )
    print(text_table(HEADER, table))


if __name__ == "__main__":
    main()

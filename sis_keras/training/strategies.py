"""On what a run trains: one device, several, several hosts, a TPU.

All by `tf.distribute`, under the same loop. A batch is of all replicas
together, so that a run learns the same wherever it runs.
"""

import json
import os
from collections.abc import Iterator

import tensorflow as tf

from sis_keras.data.batches import training_batches
from sis_keras.data.crops import Crops
from sis_keras.data.records.crops import CropRecords
from sis_keras.errors import UserError

UNREADABLE = (
    tf.errors.DataLossError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
)
STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of that name, made before anything is computed.

    Args:
        name: `one` device; all GPUs of this host (`mirrored`); the hosts that
            TF_CONFIG names (`multi_worker`); the TPU of this machine, or the
            one that TPU_NAME names (`tpu`). `auto` is the hosts where
            TF_CONFIG names several, else all GPUs where there are several,
            else one device.

    Raises:
        UserError: There is no such device, or TF_CONFIG is missing or wrong.
    """
    if name == "auto":
        several = len(tf.config.list_physical_devices("GPU")) > 1
        hosts = "TF_CONFIG" in os.environ and len(_workers()) > 1
        name = "multi_worker" if hosts else "mirrored" if several else "one"
    if name == "one":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi_worker":
        _workers()
        return tf.distribute.MultiWorkerMirroredStrategy()
    try:
        return _tpu()
    except (ValueError, tf.errors.OpError) as error:
        raise UserError(
            "Expected a TPU (`strategy=tpu`): of this machine, or one that "
            f"TPU_NAME names. Received none: {str(error).splitlines()[0]}"
        ) from error


def _tpu():
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
        os.environ.get("TPU_NAME", "local")
    )
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def _workers() -> list[str]:
    """The addresses that TF_CONFIG names.

    Raises:
        UserError: It is missing, or not as TensorFlow wants it.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        if task["type"] != "worker" or not workers[task["index"]]:
            raise ValueError
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(
            "Expected TF_CONFIG to name the hosts (`strategy=multi_worker`), "
            'such as {"cluster": {"worker": ["a:2222", "b:2222"]}, "task": '
            '{"type": "worker", "index": 0}}, with an index of its own on '
            f"each. Received: {text or 'none'}."
        ) from error
    return workers


def host_of(strategy: tf.distribute.Strategy) -> tuple[int, int]:
    """Which host this is, and how many there are."""
    cluster = strategy.cluster_resolver
    if cluster is None or not isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy
    ):
        return 0, 1
    return cluster.task_id, len(cluster.cluster_spec().as_dict()["worker"])


def check_batch_size(
    strategy: tf.distribute.Strategy, size: int, accumulation: int = 1
) -> None:
    """Makes sure that replicas, or parts of a batch, get equally many crops.

    Args:
        strategy: What is trained on.
        size: Of a batch of all replicas.
        accumulation: Parts of a batch, on one replica alone.

    Raises:
        UserError: They would not.
    """
    replicas = strategy.num_replicas_in_sync
    if size % replicas:
        raise UserError(
            f"Expected `batch_size`, of all {replicas} replicas together, to "
            f"be a multiple of {replicas}. Received: {size}."
        )
    if accumulation > 1 and replicas > 1:
        raise UserError(
            "Expected `gradient_accumulation` on one device alone, because "
            "replicas must meet within a step. Received: "
            f"{accumulation} with {replicas} replicas. Leave it out, or take "
            "`strategy=one`."
        )
    if size % accumulation:
        raise UserError(
            f"Expected `batch_size` to be a multiple of {accumulation} "
            f"(`gradient_accumulation`). Received: {size}."
        )


def distributed_batches(
    strategy: tf.distribute.Strategy,
    crops: Crops | CropRecords,
    batch_size: int,
    start_step: int,
    end: int | None,
) -> Iterator:
    """Batches of steps `start_step` to `end`, or endless, for `strategy.run`.

    Each host cuts only what its own replicas get; see `training_batches`.

    Raises:
        UserError: A file of crop records is damaged or gone.
    """

    def of_host(context):
        hosts = context.num_input_pipelines
        replicas = context.num_replicas_in_sync // hosts
        parts = training_batches(
            crops,
            batch_size,
            start_step,
            context.input_pipeline_id,
            hosts,
            replicas,
        )
        if end is None:
            return parts
        return parts.take((end - start_step) * replicas)

    try:
        yield from strategy.distribute_datasets_from_function(of_host)
    except UNREADABLE as error:
        raise UserError(
            "Expected to read on in what is trained on. Received: "
            f"{str(error.message).splitlines()[0]} Mend that, then go on from "
            "the last checkpoint with `resume`."
        ) from error

"""Every network, and every ablation, passes the checks of conformance.py."""

import importlib.util

import conformance
import pytest
from conformance import ODD, Network

from sis_keras.networks.discriminator import build_discriminator
from sis_keras.networks.generator import build_generator
from sis_keras.networks.presets import PRESETS, SCALE_MULTIPLE

SMALL = {"width_multiplier": 0.25, "fusion_channels": 8}
ABLATIONS = {
    "concat": {"fusion": "concat"},
    "no_residual": {"residual": False},
    "no_intermediate_path": {"intermediate_path": False},
    "no_info_box": {"info_box": False},
    "residual_parts": {
        "residual_modules": True,
        "residual_blocks": (1, 0, 2, 1),
    },
    "two_passes": {"recurrent_scales": 2},
}
GENERATORS = PRESETS | {
    name: SMALL | arguments for name, arguments in ABLATIONS.items()
}
NETWORKS = {
    name: Network(
        build_generator,
        arguments,
        multiple=SCALE_MULTIPLE
        * 2 ** (arguments.get("recurrent_scales", 1) - 1),
    )
    for name, arguments in GENERATORS.items()
} | {
    name: Network(
        build_discriminator, {"sigmoid": sigmoid}, ((8, 8), (9, 70), ODD)
    )
    for name, sigmoid in (("score", True), ("raw_score", False))
}
ABLATED = {k: v for k, v in NETWORKS.items() if k not in PRESETS}
# Between them each kind of layer; those of sisnet are in its ablations.
EACH_KIND = ("sisnet_small", "sisnet_mobile", "concat", "no_residual", "score")
HALF = ("sisnet_mobile", "concat", "score")
# A conversion takes long; test_convert.py has the released networks'.
ON_PHONES = ("concat", "two_passes", "score")


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


@pytest.fixture(scope="module")
def weight_file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    conformance.write_weights(network, path)
    return path


@pytest.fixture(scope="module")
def loaded(network, weight_file):
    """The same network from its weight file, in bfloat16."""
    return conformance.read_weights(network, weight_file, "mixed_bfloat16")


def test_weight_file(network, loaded):
    conformance.check_weight_file(network, loaded)


def test_names(network, loaded):
    conformance.check_names(network, loaded)


def test_bfloat16(network, loaded):
    conformance.check_precision(network, loaded, "mixed_bfloat16")


@pytest.mark.parametrize("name", HALF)
def test_float16(name, tmp_path):
    network, path = NETWORKS[name], tmp_path / "network.safetensors"
    conformance.write_weights(network, path)
    loaded = conformance.read_weights(network, path, "mixed_float16")
    conformance.check_precision(network, loaded, "mixed_float16")


def test_any_size(network):
    conformance.check_sizes(network)


def test_batch(network):
    conformance.check_batch(network)


@pytest.mark.parametrize("name", EACH_KIND)
def test_keras_file(name, tmp_path):
    conformance.check_keras_file(NETWORKS[name], tmp_path)


@pytest.fixture(scope="module")
def jax_values(tmp_path_factory):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("wants JAX")
    return conformance.jax_values(ABLATED, tmp_path_factory.mktemp("jax"))


@pytest.mark.parametrize("name", ABLATED)
def test_jax(name, jax_values):
    conformance.check_jax(NETWORKS[name], jax_values[name])


@pytest.mark.parametrize("name", ON_PHONES)
def test_litert(name):
    conformance.check_litert(NETWORKS[name])

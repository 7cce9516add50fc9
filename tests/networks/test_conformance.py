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
}
GENERATORS = PRESETS | {
    name: SMALL | arguments for name, arguments in ABLATIONS.items()
}
NETWORKS = {
    name: Network(build_generator, arguments, multiple=SCALE_MULTIPLE)
    for name, arguments in GENERATORS.items()
} | {
    name: Network(
        build_discriminator, {"sigmoid": sigmoid}, ((8, 8), (9, 70), ODD)
    )
    for name, sigmoid in (("score", True), ("raw_score", False))
}
# The others have its operators, and smaller ones.
QUICK = {name: x for name, x in NETWORKS.items() if name != "sisnet"}
# A conversion takes long; test_convert.py has the released networks'.
ON_PHONES = ("concat", "score")


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return NETWORKS[request.param]


@pytest.fixture(scope="module")
def loaded(network, tmp_path_factory):
    """The same from a weight file."""
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    conformance.write_weights(network, path)
    return conformance.read_weights(network, path)


def test_keras_file(network, tmp_path):
    conformance.check_keras_file(network, tmp_path)


def test_weight_file(network, loaded):
    conformance.check_weight_file(network, loaded)


def test_names(network, loaded):
    conformance.check_names(network, loaded)


def test_any_size(network):
    conformance.check_sizes(network)


def test_batch(network):
    conformance.check_batch(network)


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("policy", conformance.PRECISIONS)
def test_precision(name, policy):
    conformance.check_precision(NETWORKS[name], policy)


@pytest.fixture(scope="module")
def jax_values(tmp_path_factory):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("wants JAX")
    return conformance.jax_values(QUICK, tmp_path_factory.mktemp("jax"))


@pytest.mark.parametrize("name", QUICK)
def test_jax(name, jax_values):
    conformance.check_jax(NETWORKS[name], jax_values[name])


@pytest.mark.parametrize("name", ON_PHONES)
def test_litert(name):
    conformance.check_litert(NETWORKS[name])

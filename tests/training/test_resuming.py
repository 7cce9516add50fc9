"""What a run goes on with, and what it refuses, by settings alone."""

import pytest

from sis_keras.errors import UserError
from sis_keras.training.resuming import check_settings

RUN = {
    "steps": 200,
    "decay": "none",
    "seed": 0,
    "learning_rate": 1e-3,
    "validate_every": 100,
    "threads_of_an_operation": None,
    "train_data": ["$DATA/a", "half:$DATA/b"],
    "data": "aa half:bb",
    "contents": {"vgg16_weights": "cc"},
    "vgg16_weights": "old/vgg16.h5",
}


def resumed(found=RUN, step=120, unknown=(), **changes):
    return check_settings("RUN", found, {**RUN, **changes}, step, unknown)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"validate_every": 7},
        {"threads_of_an_operation": 1, "operations_at_once": 2},
        {"train_data": ["/elsewhere/a", "half:/elsewhere/b"]},
        {"vgg16_weights": "new/vgg16.h5"},
        {"steps": 320},
        {"steps": 120},
        {"a_flag_of_a_later_version": None},
    ],
)
def test_what_changes_no_step_is_taken(changes):
    assert resumed(**changes) == ""


def test_all_that_differs_is_named_with_both_values():
    with pytest.raises(UserError) as caught:
        resumed(seed=1, learning_rate=1e-4, decay="linear", steps=320)
    assert (
        "settings, decay='none', learning_rate=0.001, seed=0. "
        "Received: decay='linear', learning_rate=0.0001, seed=1. "
    ) in str(caught.value)


def test_the_source_whose_pictures_differ_is_named_alone():
    with pytest.raises(UserError) as caught:
        resumed(data="aa half:dd")
    assert (
        "settings, pictures of half:$DATA/b='half:bb'. "
        "Received: pictures of half:$DATA/b='half:dd'. "
    ) in str(caught.value)
    with pytest.raises(UserError) as caught:
        resumed(data="aa", train_data=["$DATA/a"])
    assert (
        "data='aa half:bb', train_data=['$DATA/a', 'half:$DATA/b']. "
        "Received: data='aa', train_data=['$DATA/a']. "
    ) in str(caught.value)


def test_other_weights_of_the_perceptual_loss_are_refused():
    with pytest.raises(UserError, match="'cc'.*Received: .*'dd'"):
        resumed(contents={"vgg16_weights": "dd"})


def test_what_is_not_known_yet_is_not_compared():
    assert resumed(data="", unknown=["data"]) == ""


def test_a_decay_goes_on_as_that_of_the_new_number_and_says_so():
    run = {**RUN, "decay": "linear"}
    told = resumed(run, decay="linear", steps=320)
    assert "step 120 to step 320 in place of 200" in told
    assert "of 320 steps (linear decay)" in told and "\n" not in told
    assert resumed(run, decay="linear") == ""


def test_no_fewer_steps_than_were_made():
    with pytest.raises(UserError, match="`steps` of 120 or more.*: 119"):
        resumed(steps=119)


def test_runs_of_before_contents_were_known_go_by_the_sources_texts():
    old = {k: v for k, v in RUN.items() if k != "contents"}
    old["data"] = "of names and times"
    assert resumed(old) == ""
    with pytest.raises(UserError, match="train_data=.*/a'.*Received: .*/c'"):
        resumed(old, train_data=["$DATA/c"])
    with pytest.raises(UserError, match="vgg16_weights='old/"):
        resumed(old, vgg16_weights="new/vgg16.h5")

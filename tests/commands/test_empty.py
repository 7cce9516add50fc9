"""A value that is empty, as of an unset shell variable, of any program."""

import json
import subprocess
import sys

import pytest
from absl import flags
from places import ROOT

from experiments import command
from sis_keras.commands import deblur, deblur_flags, empty, export
from sis_keras.commands.program import guarded
from sis_keras.errors import UserError

# Each with what it would do in the working folder, or on no path at all.
PROGRAMS = {
    "train.py": ["--output", "--cache_dir", "--train_data", "--flagfile"],
    "evaluate.py": ["--weights", "--report", "--test_data"],
    "-m sis_keras.commands.release": ["--keep_trunk"],
    "-m sis_keras.commands.crop_records": ["--crop_records_to"],
    "-m sis_keras.commands.pack": ["--pack_to"],
    "-m sis_keras.commands.interpolate": ["--between"],
}
# Takes no flags: another program starts it.
STARTED = "benchmarks.serving.stand_in"


def test_every_program_refuses_an_empty_value(tmp_path):
    """Of a flag that absl's programs have, and the others refuse as empty."""
    script = ROOT / "tests/support/every_program.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path, "--flagfile="],
        capture_output=True,
        check=True,
        text=True,
    )
    found = json.loads(done.stdout)
    del found[STARTED]
    assert len(found) > 40 and {"train", "tools.recipe"} <= {*found}
    for program, (status, out, error) in found.items():
        assert (status, out) == (2, ""), program
        (line,) = error.splitlines()
        assert "--flagfile. Received: an empty one (an unset shell" in line
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_of_a_run(program):
    for flag in PROGRAMS[program]:
        done = subprocess.run(
            [sys.executable, *program.split(), f"{flag}="],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        (line,) = done.stderr.splitlines()
        assert done.returncode == 2 and not done.stdout
        assert flag in line and "an unset shell variable?" in line, line


def value_flags(parser):
    return [
        action.option_strings[0]
        for action in parser._actions
        if action.option_strings and action.nargs is None
    ]


@pytest.mark.parametrize("program", [deblur, export])
def test_every_flag_with_a_value(program, capsys):
    parser = {deblur: deblur_flags, export: export}[program].make_parser()
    found = value_flags(parser)
    assert "--output" in found and "--weights" in found
    for flag in found:
        for given in ([f"{flag}="], [flag, ""]):
            with pytest.raises(SystemExit) as ended:
                guarded(lambda given=given: program.main(["x.png", *given]))
            (line,) = capsys.readouterr().err.splitlines()
            assert ended.value.code == 2
            assert f"{flag}. Received: an empty one" in line


def test_an_empty_input_is_not_the_working_folder(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").touch()
    with pytest.raises(SystemExit):
        guarded(lambda: deblur.main([""]))
    assert "each path" in capsys.readouterr().err
    assert [x.name for x in tmp_path.iterdir()] == ["a.png"]


def test_the_experiments_whose_paths_are_no_text(capsys):
    """`pathlib.Path("")` would be the working folder."""
    for given in (["--output="], ["--output", ""]):
        with pytest.raises(SystemExit):
            command.parser("").parse_args(given)
        assert "--output. Received: an empty" in capsys.readouterr().err


@pytest.fixture
def values():
    made = flags.FlagValues()
    flags.DEFINE_string("path", None, "", flag_values=made)
    flags.DEFINE_list("names", ["a"], "", flag_values=made)
    flags.DEFINE_multi_string("each", [], "", flag_values=made)
    return made


@pytest.mark.parametrize("flag", ["--path", "--each", "--flagfile"])
@pytest.mark.parametrize("words", [("{}=",), ("{}", "")])
def test_flags(values, flag, words):
    argv = ["program", *(word.format(flag) for word in words)]
    values(argv)
    with pytest.raises(UserError, match=flag):
        empty.refuse_empty_flags(values, argv)


def test_an_empty_flag_of_a_flagfile(values, tmp_path):
    (tmp_path / "a.flags").write_text("--path=\n")
    argv = ["program", f"--flagfile={tmp_path}/a.flags"]
    values(argv)
    with pytest.raises(UserError, match="--path"):
        empty.refuse_empty_flags(values, argv)


def test_what_is_not_empty(values):
    argv = ["program", "--names=", "--path=x", "--each=a", "--each=b"]
    values(argv)
    empty.refuse_empty_flags(values, argv)
    assert values.names == []
    empty.refuse_empty_arguments(["a.png", "--output=b=", "--compare"])

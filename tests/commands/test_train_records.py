"""crop_records and train.py --crop_records as a user runs them."""

import re
import signal
import subprocess
import sys
import time

import pytest
from places import ROOT

COMMANDS = "sis_keras.commands"


def command(*arguments):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def run(*arguments):
    process = command(*arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def records(pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    status, out, err = run(
        "-m",
        f"{COMMANDS}.crop_records",
        f"--train_data={pairs}",
        "--hold_out=b",
        "--crop_size=32",
        f"--output={folder}",
        f"--crop_records_to={folder / 'crops'}",
        "--count=60",
    )
    assert status == 0, err[-3000:]
    # A quarter more than 32.
    assert "64 crops of 40x40 in 1 files" in out
    return folder / "crops"


def train_flags(records, pairs, output, *flags):
    return [
        "train.py",
        f"--crop_records={records}",
        f"--validation_data={pairs}/b",
        f"--output={output}",
        "--adversarial=none",
        "--perceptual_weight=0",
        "--batch_size=1",
        "--crop_size=32",
        "--log_every=1",
        "--validate_every=1000",
        *flags,
    ]


def assert_one_line(result, *words):
    status, _, err = result
    said = [x for x in err.splitlines() if x.startswith("train.py: ")]
    assert status == 2 and "Traceback" not in err, err[-2000:]
    assert len(said) == 1 and err.splitlines()[-1] == said[0]
    for word in words:
        assert word in said[0], said[0]


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--crop_records=absent", ["--crop_records", "absent", "index.json"]),
        ("--crop_size=48", ["--crop_size", "at most 40"]),
        ("--data_service=grpc://127.0.0.1:1", ["no answer"]),
    ],
)
def test_a_mistake_is_told_in_one_line(records, pairs, tmp_path, flag, words):
    flags = train_flags(records, pairs, tmp_path / "run")
    assert_one_line(run(*flags, flag), *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--crop_records", "--crop_records with --data_service"),
        ("--validation_data", "--validation_data with --crop_records"),
    ],
)
def test_a_flag_that_another_wants(records, pairs, tmp_path, flag, words):
    flags = train_flags(records, pairs, tmp_path / "run")
    flags = [x for x in flags if not x.startswith(f"{flag}=")]
    flags.append("--data_service=grpc://127.0.0.1:1")
    assert_one_line(run(*flags), words)
    assert not (tmp_path / "run").exists()


def test_a_picture_that_is_trained_on(records, pairs, tmp_path):
    flags = train_flags(records, pairs, tmp_path)
    result = run(*flags, f"--validation_data={pairs}/a")
    assert_one_line(result, "whose sharp half is that of a/0")


def test_a_damaged_record_ends_the_run(records, pairs, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in records.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    path = folder / "crops-00000.tfrecord"
    damaged = bytearray(path.read_bytes())
    damaged[1000 :: 6 * 40 * 40 + 16] = b"\xab" * 64
    path.write_bytes(damaged)
    flags = train_flags(folder, pairs, tmp_path / "run", "--steps=9")
    assert_one_line(run(*flags), "corrupted record", "--resume")


def test_a_stopped_run_resumes_bit_for_bit(records, pairs, tmp_path):
    flags = "--steps=8", "--checkpoint_every=100"
    status, _, err = run(*train_flags(records, pairs, tmp_path / "a", *flags))
    assert status == 0, err[-3000:]
    stopped = train_flags(records, pairs, tmp_path / "b", *flags)
    process = command(*stopped)
    wait_for_steps(process, tmp_path / "b", 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=100)
    assert process.returncode == 130
    # The folder may be elsewhere by now.
    moved = records.rename(tmp_path / "moved")
    status, _, err = run(*stopped, f"--crop_records={moved}", "--resume")
    moved.rename(records)
    assert status == 0, err[-3000:]
    one, other = (
        (tmp_path / x / "best.safetensors").read_bytes() for x in "ab"
    )
    assert one == other


def wait_for_steps(process, folder, count):
    log = folder / "training.csv"
    until = time.monotonic() + 200
    while not (log.exists() and len(log.read_text().splitlines()) > count):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)


def test_a_run_outlives_a_worker_of_its_service(records, pairs, tmp_path):
    processes = [command("-m", f"{COMMANDS}.data_service")]
    try:
        port = re.search(r":(\d+)$", processes[0].stdout.readline())[1]
        address = f"127.0.0.1:{port}"
        workers = [
            command("-m", f"{COMMANDS}.data_service", f"--dispatcher={address}")
            for _ in range(2)
        ]
        processes += workers
        for worker in workers:
            worker.stdout.readline()
        flags = [f"--data_service=grpc://{address}", "--steps=60"]
        process = command(*train_flags(records, pairs, tmp_path, *flags))
        processes.append(process)
        wait_for_steps(process, tmp_path, 3)
        workers[0].kill()
        workers[0].communicate()
        _, err = process.communicate(timeout=200)
        assert process.returncode == 0, err[-3000:]
        rows = (tmp_path / "training.csv").read_text().splitlines()
        assert len(rows) == 1 + 60
    finally:
        for each in processes:
            each.kill()
            each.communicate()

"""What every program stands on: Python and packages, or one line instead.

This file and those imported before it must run on Python 3.8, so that it is
this line that its user reads.
"""

import pathlib
import re
import sys

OLDEST = (3, 11)  # As in pyproject.toml.
OURS = ("sis_keras", "datasets", "experiments", "benchmarks", "tools")
# Libraries of Linux that slim containers lack, and who has them.
SYSTEM_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
}
STOPPED = "Stopped by a signal; files under a final name are whole."
STOPPED_STATUS = 130


def check_python():
    """Ends the program on a Python that is too old."""
    if sys.version_info[:2] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        _end(
            f"Expected Python {wanted} or newer. Received: "
            f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable}). "
            f"Install a newer one, then `python{wanted} -m venv .venv`, "
            "`source .venv/bin/activate` and `pip install -r "
            "requirements.txt`."
        )


def say_what_is_missing():
    """From now on an import that fails ends the program in one line.

    Ctrl-C does, too, in the seconds that imports take.
    """
    before = sys.excepthook

    def hook(kind, error, trace):
        if isinstance(error, KeyboardInterrupt):
            _end(STOPPED, STOPPED_STATUS)
        line = isinstance(error, ImportError) and what_is_missing(error)
        if line:
            _end(line)
        before(kind, error, trace)

    sys.excepthook = hook


def what_is_missing(error):
    """One line for an `ImportError`; "" for a defect of this program."""
    name = (error.name or "").partition(".")[0]
    if name in OURS:
        return ""
    if isinstance(error, ModuleNotFoundError):
        wanted = "jax" if name == "jax" else "-r requirements.txt"
        return (
            f"Expected the package of the module {name}. Received: none in "
            f"{sys.executable}. Activate the virtual environment that has it "
            f"(`source .venv/bin/activate`), or `pip install {wanted}`."
        )
    library = re.match(r"(\S+): cannot open shared object", str(error))
    if library:
        return _without_library(name, library.group(1))
    if str(error).startswith("DLL load failed"):
        return (
            f"Expected the package of {name} to load. Received: {error} "
            "Install what its documentation wants of Windows."
        )
    return ""


def _without_library(name, library):
    package = SYSTEM_PACKAGES.get(library)
    remedy = (
        f"`apt-get install {package}` brings it"
        if package
        else "Install the package of the system that has it"
    )
    if name == "cv2":
        remedy += (
            "; or take the OpenCV that needs no screen: `pip uninstall "
            "opencv-python` and `pip install opencv-python-headless`"
        )
    return (
        f"Expected {library} of the system, which the package of {name} "
        f"wants. Received: none. {remedy}."
    )


def _end(message, status=2):
    # Python has yet to find the program's file where that is "-m".
    program = pathlib.Path(sys.argv[0]).name
    program = "sis_keras" if program == "-m" else program
    print(f"{program}: {message}", file=sys.stderr)
    sys.exit(status)

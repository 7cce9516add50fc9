"""Who imports whom: each package only those of lower floors."""

import ast
import pathlib

import sis_keras

PACKAGE = pathlib.Path(sis_keras.__file__).parent
FLOORS = (
    ("errors",),
    ("optional", "quiet"),
    ("files", "networks"),
    ("data", "weights"),
    ("restoring",),
    ("evaluation",),
    ("training", "export"),
    ("commands",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def imports():
    """`(importing module, imported module)`, dotted below sis_keras."""
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom):
                continue
            if node.module == "sis_keras" or (node.module or "").startswith(
                "sis_keras."
            ):
                base = node.module.split(".")[1:]
                for alias in node.names:
                    whole = [*base, alias.name]
                    if not _is_module(whole):
                        whole = base
                    yield ".".join(parts), ".".join(whole)


def _is_module(parts):
    path = PACKAGE.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()


EVERY = sorted(
    (importing, imported)
    for importing, imported in imports()
    if importing != "__init__" and imported
)


def test_there_are_imports():
    assert len(EVERY) > 150


def test_each_package_imports_from_lower_floors_alone():
    wrong = []
    for importing, imported in EVERY:
        above, below = (x.split(".")[0] for x in (importing, imported))
        if above != below and not FLOOR[above] > FLOOR[below]:
            wrong.append(f"{importing} -> {imported}")
    assert not wrong


def test_no_circles():
    following = {}
    for importing, imported in EVERY:
        following.setdefault(importing, set()).add(imported)

    def reach(module, way):
        assert module not in way, f"{' -> '.join(way)} -> {module}"
        for other in following.get(module, ()):
            reach(other, (*way, module))

    for module in following:
        reach(module, ())


def test_every_package_says_what_it_holds_and_no_more():
    for path in PACKAGE.rglob("__init__.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        # The commands' says before all else what is missing.
        if path.parent not in (PACKAGE, PACKAGE / "commands"):
            assert len(body) == 1 and ast.get_docstring(ast.Module(body, []))


def test_the_root_and_the_files_stay_small():
    assert len(list(PACKAGE.glob("*.py"))) <= 6
    long = {
        path.name: count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long


def test_the_library_knows_nothing_of_the_builders():
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "commands":
            text = path.read_text(encoding="utf-8")
            assert "import datasets" not in text and "from datasets" not in text

"""Links of the pages, and the files that they name, are there."""

import collections
import functools
import re

import pages
import pytest
from places import ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(path):
    """A page without its blocks of code."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .*$", "", text, flags=re.MULTILINE)


@functools.cache
def anchors(path):
    """Of a page's headings, as GitHub makes them."""
    found = collections.Counter()
    made = set()
    for heading in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        made.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return made


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# III-A-3-b: semantic dilution\n## It's `x_y`\n## A\n# A\n"
    )
    assert anchors(page) == {
        "iii-a-3-b-semantic-dilution",
        "its-x_y",
        "a",
        "a-1",
    }


@pytest.mark.parametrize(
    "page", pages.PAGES, ids=lambda path: str(path.relative_to(ROOT))
)
def test_links(page):
    wrong = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.is_relative_to(ROOT):
            wrong.append(target)
            continue
        if not path.exists() or (anchor and anchor not in anchors(path)):
            wrong.append(target)
    assert not wrong


def test_the_readme_names_every_page():
    text = prose(ROOT / "README.md")
    index = text[text.index("## Documentation") :]
    linked = {target.partition("#")[0] for target in LINK.findall(index)}
    there = {path.relative_to(ROOT).as_posix() for path in pages.PAGES}
    assert there - {"README.md"} <= linked


@pytest.mark.parametrize(
    "page",
    [page for page in pages.PAGES if page.name != "CHANGELOG.md"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_that_are_named(page):
    """`tests/x.py` in a sentence or a table."""
    named = re.findall(
        rf"`((?:{'|'.join(pages.FOLDERS)})/[\w./-]+\.\w+)`", prose(page)
    )
    assert not [name for name in named if not (ROOT / name).exists()]

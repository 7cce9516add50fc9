"""Commands are taken out of a page as a shell would read them."""

import pages

PAGE = """\
Call `SIS_DATA=FOLDER python -m tools.fuzz --files=2` or `--files`, not
`sisnet_mobile`.

    pip install -r x.txt && python train.py \\
        --recipe="two words"   # a sentence
    (printf 'a'; cat b) | curl -d @- c |
        python3 -c 'print("a | b")' > d.png
    python train.py [--resume]; coverage report
    import pip

| `python evaluate.py \\| sort` |

```
ruff check .
      command: [sh, -c, 'sis-deblur in/ --shard=0/2']
```
"""


def found():
    return [
        (number, command.program, command.arguments)
        for number, line in [
            *pages.block_lines(PAGE),
            *pages.quoted_lines(PAGE),
        ]
        for command in pages.parts_of(str(number), line)
    ]


def test_commands_of_a_page():
    assert found() == [
        (4, "pip", ("install", "-r", "x.txt")),
        (4, "train.py", ("--recipe=two words",)),
        (6, "printf", ("a",)),
        (6, "cat", ("b",)),
        (6, "curl", ("-d", "@-", "c")),
        (6, "-c", ('print("a | b")',)),
        (8, "train.py", ("--resume",)),
        (8, "coverage", ("report",)),
        (14, "ruff", ("check", ".")),
        (15, "sis-deblur", ("in/", "--shard=0/2")),
        (1, "tools.fuzz", ("--files=2",)),
        (11, "evaluate.py", ()),
        (11, "sort", ()),
    ]


def test_variables_stand_before():
    (command,) = pages.parts_of("", "A=1 SIS_DATA=FOLDER python -m tools.fuzz")
    assert command.variables == ("A=1", "SIS_DATA=FOLDER")
    assert command.words == ("python", "-m", "tools.fuzz")


def test_commands_of_a_flagfiles_head():
    text = "# python train.py --a=1 \\\n#     --b=2\n#\n# Trains.\n--a=3\n"
    assert pages.head_lines(text) == [(1, "python train.py --a=1 --b=2")]

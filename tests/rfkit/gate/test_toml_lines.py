"""The line of every key, against a reader that keeps the text."""

from __future__ import annotations

import tomllib

from rfkit.gate.spec.toml_lines import key_lines, line_of

TEXT = '''\
# [no.table]
title = "x # no comment"   # [none]
a.b."c.d" = 1

[table]   # a comment
list = [
  "]", # ]
  { x = 1 },
]
text = """
[not.a.table]
key = 1
"""
raw = \'\'\'
[nor.this]\'\'\'
"quoted key" = { a = 1, b = [
  1,
] }
'single' = 1
"uni\\u00e9" = 2

[[list.of]]
x = 1
[list.of.sub]
y = 1

  [[list.of]]
  x = 2
[[list.of.inner]]
z = 1
'''


def test_every_statement_has_its_line() -> None:
    lines = {".".join(map(str, path)): line for path, line in key_lines(TEXT).items()}
    assert lines == {
        "title": 2,
        "a": 3,
        "a.b": 3,
        "a.b.c.d": 3,
        "table": 5,
        "table.list": 6,
        "table.text": 10,
        "table.raw": 14,
        "table.quoted key": 16,
        "table.single": 19,
        "table.unié": 20,
        "list": 22,
        "list.of": 22,
        "list.of.0": 22,
        "list.of.0.x": 23,
        "list.of.0.sub": 24,
        "list.of.0.sub.y": 25,
        "list.of.1": 27,
        "list.of.1.x": 28,
        "list.of.1.inner": 29,
        "list.of.1.inner.0": 29,
        "list.of.1.inner.0.z": 30,
    }


def test_every_key_that_has_a_line_is_in_the_file() -> None:
    data = tomllib.loads(TEXT)
    for path in key_lines(TEXT):
        value = data
        for step in path:
            value = value[step]


def test_windows_line_ends_make_no_difference() -> None:
    assert key_lines(TEXT.replace("\n", "\r\n")) == key_lines(TEXT)


def test_a_key_without_a_line_has_that_of_the_table_around_it() -> None:
    assert line_of(("table", "quoted key", "b", 0), key_lines(TEXT)) == 16
    assert line_of(("nothing",), key_lines(TEXT)) is None

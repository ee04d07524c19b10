"""The code in an answer, and the cell that it could be."""

from __future__ import annotations

import pickle

import pytest

from ava_magic import Reply
from ava_magic.answers.code_blocks import CodeBlock, as_cell, code_blocks

TEXT = """\
First:

```python
print(1)

print(2)
```

- in a list:

  ~~~ {.Bash}
  ls
  ~~~

> ````
> ```
> ````
    indented words
"""


def test_blocks_come_in_order_with_their_languages() -> None:
    found = code_blocks(TEXT)
    assert found == ["print(1)\n\nprint(2)", "ls", "```"]
    assert [block.language for block in found] == ["python", "bash", ""]


def test_a_reply_has_its_code_blocks() -> None:
    assert Reply(TEXT).code_blocks == code_blocks(TEXT)
    assert Reply("none").code_blocks == []


def test_a_block_keeps_its_language_when_it_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(CodeBlock("ls", "bash"))).language == "bash"


@pytest.mark.parametrize(
    ("language", "cell"),
    [
        *((name, "ls") for name in ("", "python", "py", "python3", "py3", "ipython", "ipython3", "pycon")),
        *((name, "ls") for name in ("text", "txt", "rust", "cobol")),
        *((name, "%%bash\nls") for name in ("bash", "shell", "zsh")),
        ("sh", "%%sh\nls"),
        ("js", "%%javascript\nls"),
        ("r", "%%R\nls"),
        ("rb", "%%ruby\nls"),
        ("md", "%%markdown\nls"),
        ("tex", "%%latex\nls"),
        ("html", "%%html\nls"),
    ],
)
def test_another_language_gets_the_magic_that_is_there(language: str, cell: str) -> None:
    unknown = {"", "rust", "cobol"}
    assert as_cell(CodeBlock("ls", language), lambda name: name not in unknown) == cell


def test_without_its_magic_a_block_stays_as_it_is() -> None:
    assert as_cell(CodeBlock("ls", "bash"), lambda name: False) == "ls"

"""The model that answers the examples of the pages, behind the server of the package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from ava_magic.providers.base import Delta, FinishReason, Usage
from ava_magic.values.content import text_of

__all__ = ["PageModel"]

_ANSWER = """A tuple is a list that never changes.

```python
pair = 1, 2
```

```rust
let pair = (1, 2);
```
"""


class PageModel:
    """Says what an example has a use for: data of a city, a greeting, or prose with code of two languages."""

    takes_images = True

    @classmethod
    async def create_async_generator(cls, model: str, messages: list[Any], **kwargs: Any) -> AsyncIterator[Delta]:
        said = [text_of(message["content"]) for message in messages]
        if "JSON" in said[0]:
            yield '{"name": "Helsinki", "people": 684018}'
        else:
            yield "Hello! How can I help?" if said[-1] == "Hello!" else _ANSWER
        yield Usage({"prompt_tokens": 7, "completion_tokens": 7})
        yield FinishReason("stop")

"""What Slack refuses in the blocks and attachments of a message.

The bounds are those of the page "Blocks" of Slack's Block Kit reference and of python-slack-sdk's models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

MOST_BLOCKS = 50
MOST_ATTACHMENTS = 100
LONGEST_TEXT = 40_000  # characters; what is longer is cut off, not refused
LONGEST_ID = 255

Pointer = str  # "/blocks/0/text"


def problems(blocks: list[Any]) -> list[str]:
    """What is wrong with the blocks of a message, worded as chat.postMessage does; empty where nothing is."""
    if len(blocks) > MOST_BLOCKS:
        return [_told(f"no more than {MOST_BLOCKS} items allowed", "/blocks")]
    found = [text for place, block in enumerate(blocks) for text in _of_block(block, f"/blocks/{place}")]
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and block.get("block_id")]
    if len(set(map(str, ids))) < len(ids):
        found.append(_told("block_id must be unique", "/blocks"))
    return found


def plain_text(blocks: list[Any]) -> str:
    """The words in a message's blocks, a line each, as a page shows them."""
    return "\n".join(text for block in blocks for text in _words(block))


def _words(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from _words(one)
    elif isinstance(part, dict):
        text = part.get("text")
        if isinstance(text, str):
            yield text
        for key in ("text", "title", "fields", "elements", "accessory"):
            if not isinstance(part.get(key), str):
                yield from _words(part.get(key))


def _of_block(block: Any, at: Pointer) -> Iterator[str]:
    if not isinstance(block, dict):
        yield _told("must be an object", at)
        return
    if len(str(block.get("block_id", ""))) > LONGEST_ID:
        yield _told(f"must be less than {LONGEST_ID + 1} characters", f"{at}/block_id")
    check = CHECKS.get(block.get("type", ""))
    if check is None:
        yield _told(f"unsupported type: {block.get('type')}", f"{at}/type")
        return
    yield from check(block, at)


def _section(block: dict[str, Any], at: Pointer) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield _told("must define either `text` or `fields`", at)
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", 3000)
    yield from _list(block.get("fields", []), f"{at}/fields", 10, lambda one, place: _text(one, place, 2000))


def _header(block: dict[str, Any], at: Pointer) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", 150, kinds=("plain_text",))


def _context(block: dict[str, Any], at: Pointer) -> Iterator[str]:
    yield from _list(block.get("elements"), f"{at}/elements", 10)


def _actions(block: dict[str, Any], at: Pointer) -> Iterator[str]:
    yield from _list(block.get("elements"), f"{at}/elements", 25)


def _image(block: dict[str, Any], at: Pointer) -> Iterator[str]:
    if not block.get("image_url") and not block.get("slack_file"):
        yield _told("missing required field: image_url", at)
    yield from _line(block.get("image_url", ""), f"{at}/image_url", 3000)
    if not block.get("alt_text"):
        yield _told("missing required field: alt_text", at)
    yield from _line(block.get("alt_text", ""), f"{at}/alt_text", 2000)


def _markdown(block: dict[str, Any], at: Pointer) -> Iterator[str]:
    if not block.get("text"):
        yield _told("missing required field: text", at)
    yield from _line(block.get("text", ""), f"{at}/text", 12_000)


def _anything(_block: dict[str, Any], _at: Pointer) -> Iterator[str]:
    return iter(())


def _text(
    text: Any, at: Pointer, longest: int, *, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield _told(f"must be one of: {', '.join(kinds)}", f"{at}/type")
        return
    if not text.get("text"):
        yield _told("must be more than 0 characters", f"{at}/text")
    yield from _line(text.get("text", ""), f"{at}/text", longest)


def _line(value: Any, at: Pointer, longest: int) -> Iterator[str]:
    if not isinstance(value, str):
        yield _told("must be a string", at)
    elif len(value) > longest:
        yield _told(f"must be less than {longest + 1} characters", at)


def _list(
    items: Any, at: Pointer, most: int, check: Callable[[Any, Pointer], Iterator[str]] | None = None
) -> Iterator[str]:
    if not isinstance(items, list):
        yield _told("must be an array", at)
        return
    if len(items) > most:
        yield _told(f"no more than {most} items allowed", at)
    if check is not None:
        for place, one in enumerate(items):
            yield from check(one, f"{at}/{place}")


def _told(what: str, at: Pointer) -> str:
    return f"{what} [json-pointer:{at}]"


CHECKS: dict[str, Callable[[dict[str, Any], Pointer], Iterator[str]]] = {
    "section": _section,
    "header": _header,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "divider": _anything,
    "file": _anything,
    "input": _anything,
    "rich_text": _anything,
    "table": _anything,
    "video": _anything,
}

"""Settings as YAML text: reading with line numbers, writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from multidigit.errors import SettingsError
from multidigit.outside import MOST_SETTINGS_BYTES, read_text
from multidigit.settings.schema import Settings

MOST_VALUES = 100_000
"""Values in a YAML file, those that aliases repeat among them."""
DEEPEST = 50
"""Levels of lists and mappings in each other."""
LONGEST_NUMBER = 40
"""Characters of a number."""
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A YAML file that holds one mapping, and the line number of every dotted key.

    Raises:
        SettingsError: missing, unreadable, not YAML, not a mapping, too large, or with a key given twice.
    """
    try:
        data, node = parse_yaml(read_text(path, MOST_SETTINGS_BYTES))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; expected a YAML file of settings") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: cannot be read as text ({why}); expected a YAML file of settings") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise SettingsError(f"{path}{place}: not valid YAML ({problem})") from None
    if node is None or not isinstance(data, dict):
        received = "nothing" if node is None else type(data).__name__
        raise SettingsError(f"{path}: expected `key: value` lines; received {received}")
    lines: dict[str, int] = {}
    _collect_lines(node, "", lines, path)
    return data, lines


def parse_yaml(text: str) -> tuple[Any, yaml.Node | None]:
    """A value from YAML, and the node that it was made from; ``None`` for both where there is nothing.

    Raises:
        yaml.YAMLError: it is not YAML, or holds too much.
    """
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _extent(node, {}, 0)
        return loader.construct_document(node), node
    except yaml.YAMLError:
        raise
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None
    except ValueError as error:  # as of the date 2001-99-99
        raise yaml.YAMLError(str(error)) from None
    except Exception:  # PyYAML raises anything for `!!int ""`: IndexError, KeyError, AttributeError, OverflowError, ...
        raise yaml.YAMLError("a value that does not fit its tag") from None


def _extent(node: yaml.Node, known: dict[yaml.Node, int], depth: int) -> int:
    """How many values a node stands for, counting what an alias repeats as often as it does.

    A few lines of aliases of aliases can stand for billions of values; all that reads the data afterwards would meet
    each of them.
    """
    if node in known:
        if not known[node]:
            raise _refused(node, "a value that holds itself")
        return known[node]
    known[node] = 0
    found = 1
    if isinstance(node, yaml.ScalarNode):
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise _refused(node, f"a number of more than {LONGEST_NUMBER} characters")
    elif depth >= DEEPEST:
        raise _refused(node, "nested too deeply")
    else:
        pairs = isinstance(node, yaml.MappingNode)
        below = [part for pair in node.value for part in pair] if pairs else node.value
        found += sum(_extent(part, known, depth + 1) for part in below)
    if found > MOST_VALUES:
        raise _refused(node, f"more than {MOST_VALUES:,} values, aliases counted")
    known[node] = found
    return found


def _refused(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _collect_lines(node: yaml.Node, prefix: str, lines: dict[str, int], path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = f"{prefix}{key_node.value}"
            line = key_node.start_mark.line + 1
            if key in lines:
                raise SettingsError(f"{path}, line {line}: {key!r} is given twice, first on line {lines[key]}")
            lines[key] = line
            _collect_lines(value_node, f"{key}.", lines, path)


def to_yaml(settings: Settings) -> str:
    """The complete settings as YAML, every default written out."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

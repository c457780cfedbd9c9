"""Settings as YAML text: reading with line numbers, writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from multidigit.errors import SettingsError
from multidigit.settings.schema import Settings


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """A YAML file that holds one mapping, and the line number of every dotted key.

    Raises:
        SettingsError: missing, unreadable, not YAML, not a mapping, or with a key given twice.
    """
    try:
        text = path.read_text("utf-8")
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; expected a YAML file of settings") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path}: cannot be read as text ({why}); expected a YAML file of settings") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{path}{place}: not valid YAML ({problem})") from None
    if node is None or not isinstance(data, dict):
        received = "nothing" if node is None else type(data).__name__
        raise SettingsError(f"{path}: expected `key: value` lines; received {received}")
    lines: dict[str, int] = {}
    _collect_lines(node, "", lines, path)
    return data, lines


def _collect_lines(
    node: yaml.Node, prefix: str, lines: dict[str, int], path: Path, above: tuple[yaml.Node, ...] = ()
) -> None:
    if node in above:
        raise SettingsError(f"{path}, line {node.start_mark.line + 1}: not valid YAML (a value that holds itself)")
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            key = f"{prefix}{key_node.value}"
            line = key_node.start_mark.line + 1
            if key in lines:
                raise SettingsError(f"{path}, line {line}: {key!r} is given twice, first on line {lines[key]}")
            lines[key] = line
            _collect_lines(value_node, f"{key}.", lines, path, (*above, node))


def to_yaml(settings: Settings) -> str:
    """The complete settings as YAML, every default written out."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

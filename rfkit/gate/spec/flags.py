"""The same rules from the command line and from Python: validated as a spec is, with messages that name the option."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

from rfkit.errors import UsageError
from rfkit.gate.requirements import Requirement
from rfkit.gate.spec.merging import Source, contradictions, requirements_of
from rfkit.gate.spec.mistakes import Key, did_you_mean, dotted, error_of, validated
from rfkit.gate.spec.readers import TypedArguments
from rfkit.gate.spec.tables import Rules, SpecTable, examples

RULES: Mapping[str, str] = {
    "--input": "input",
    "--arg": "arguments",
    "--strict": "strict",
    "--device": "device",
    "--rf": "receptive_field",
    "--rf-features": "receptive_field_features",
    "--jump": "jump",
    "--coverage": "coverage",
    "--max-hole": "max_hole",
    "--params": "params",
    "--macs": "macs",
    "--activation-memory": "activation_memory",
    "--output-shape": "output_shape",
    "--require": "require",
    "--forbid": "forbid",
    "--conv-blocks": "conv_blocks",
    "--kernel-size": "kernel_size",
    "--stride": "stride",
    "--dilation": "dilation",
    "--aligned": "aligned",
    "--no-unused-modules": "no_unused_modules",
    "--no-unproductive-layers": "no_unproductive_layers",
}
"""Options that say how a network is run and what is asked of it, and their keys."""

SETTINGS: Mapping[str, str] = {
    "--baseline": "baseline",
    "--tolerance": "tolerance",
    "--timeout": "timeout",
    "--memory": "memory",
    "--stub-missing": "stub_missing",
    "--select": "select",
    "--ignore": "ignore",
}
"""Options that say how the whole check is run, and their keys."""

_OPTIONS = {key: option for option, key in (*RULES.items(), *SETTINGS.items())}
_EXAMPLES = {"arguments": "dropout=0.1", "require": "dilated", "forbid": "max_pool", "select": "RF1", "ignore": "RF301"}


def table_of(options: Mapping[str, object]) -> SpecTable:
    """The options as a spec whose defaults they are.

    Args:
        options: values by option, ``{"--rf": "> 44", "--require": ["dilated", "grouped>=2"]}``; None and False were not given.

    Raises:
        SpecError: all mistakes, a line each, with the option and what was given.
        UsageError: an option that does not exist.
    """
    given = {option: value for option, value in options.items() if value not in (None, False, (), [])}
    unknown = next((option for option in given if option not in RULES and option not in SETTINGS), None)
    if unknown is not None:
        near = did_you_mean(unknown, [*RULES, *SETTINGS])
        raise UsageError(f"no option {unknown}" + (f"; did you mean {near}?" if near else ""))
    settings = {SETTINGS[option]: _bare(option, value) for option, value in given.items() if option in SETTINGS}
    rules = {RULES[option]: _bare(option, value) for option, value in given.items() if option in RULES}
    raw = {**settings, "defaults": rules}
    said = {key: _right_option(key, value) for key, value in examples().items() if key in _OPTIONS}
    order = list(given)
    table = validated(SpecTable, raw, said, _naming(given), lambda key: order.index(option_of(key).split()[0]))
    if table.defaults:
        _consistent(Source(table.defaults, ("defaults",), option_of))
    return table


def from_flags(options: Mapping[str, object]) -> tuple[Requirement, ...]:
    """What options alone ask of a network: ``{"--rf": "> 44", "--params": "< 200k", "--require": ["dilated"]}``.

    Raises:
        SpecError: all mistakes, a line each, with the option and what was given.
        UsageError: an option that does not exist.
    """
    rules = table_of(options).defaults or Rules()
    return requirements_of([Source(rules, ("defaults",), option_of)])


def from_keywords(rules: Mapping[str, object]) -> tuple[Requirement, ...]:
    """What keywords of Python ask of a network: ``receptive_field="> 44", require=["dilated"]``; the keys are a spec's.

    Raises:
        SpecError: all mistakes, a line each, with the keyword and what was given.
    """
    raw = {key: value for key, value in rules.items() if value is not None}
    said = {key: f"{key}={value!r}" for key, value in examples().items()}

    def name(key: Key) -> str:
        return f"{key[0]}={raw[str(key[0])]!r}" if key and key[0] in raw else dotted(key)

    source = Source(validated(Rules, raw, said, name), (), dotted, name)
    _consistent(source)
    return requirements_of([source])


def option_of(key: Key) -> str:
    """The option that a key of the defaults came from: ``--params``, ``--require dilated``."""
    name = next(str(step) for step in key if step in _OPTIONS)
    subject = key[-1] if name in ("require", "forbid") and isinstance(key[-1], str) and key[-1] != name else None
    return _OPTIONS[name] if subject is None else f"{_OPTIONS[name]} {subject}"


def _consistent(source: Source) -> None:
    wrong = contradictions([source])
    if wrong:
        raise error_of(wrong, source.start)


def _naming(given: Mapping[str, object]) -> Callable[[Key], str]:
    """What a mistake is called by: the option with what was given, as one would type it."""

    def name(key: Key) -> str:
        option = option_of(key)
        bare = option.split()[0]
        value = given[bare]
        if value is True or option != bare:
            return option
        words = value if isinstance(value, (list, tuple)) else [value]
        return " ".join(f"{bare} {shlex.quote(str(word))}" for word in words)

    return name


def _bare(option: str, value: object) -> object:
    """The value of an option as a spec would have it."""
    items = [str(item) for item in value] if isinstance(value, (list, tuple)) else [value]
    if option == "--arg":
        return TypedArguments(map(str, items))
    if option == "--forbid":
        return [name for item in items for name in re.split(r"[\s,]+", str(item).strip())]
    if option == "--require":
        return dict(_part(str(item)) for item in items)
    return value


def _part(text: str) -> tuple[str, object]:
    """A part and its count: ``dilated``, ``dilated=2``, ``dilated>=2``, ``dilated=>=2``."""
    found = re.fullmatch(r"\s*([\w-]+)\s*(?:=\s*(?=[<>=]))?(.*)", text)
    if found is None:
        return text, True
    return found[1], found[2].strip() or True


def _right_option(key: str, value: object) -> str:
    """A right use of the option of a key, as one would type it."""
    option = _OPTIONS[key]
    if value is True:
        return option
    text = _EXAMPLES.get(key) or ("x".join(map(str, value)) if isinstance(value, list) else str(value))
    return f"{option} {shlex.quote(text)}"

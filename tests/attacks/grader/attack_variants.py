"""
Seeded variants of all attacks and of honest submissions: what does not matter to them is changed.

Cells get neighbours, other places, formats and names; notebooks get other file names and zips around them; answers get
comments, another order of keys and other quotes. A defence that knows a text would not know its variants.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import attack_corpus
import attack_notebooks
import yaml
from attack_corpus import Attack
from attack_notebooks import ODD, PACKED, Handed, cell, code, right, solved, zipped

Change = Callable[[dict[str, Any], random.Random], object]
_LAST = (
    "lines",
    "no-ids",
    "no-metadata",
    "worksheets",
)  # they take away by what the other changes find a cell
_NAMED = ("scripts", "other names", "steering names")  # a name is the attack
_JUNK = (
    "print(1)",
    "%timeline first",
    "import os; os.listdir()",
    "!kubectl get pods",
    "# notes\n",
    "while x: pass",
    "",
)


def answers(count: int, seed: int) -> Iterator[Attack]:
    """Yield *count* variants of the answers that must be refused."""
    yield from attack_corpus.variants(count, seed)


def attacks(count: int, seed: int) -> Iterator[Handed]:
    """Yield *count* variants of hostile submissions."""
    chance, plain = random.Random(seed), attack_notebooks.attacks()
    for number in range(count):
        each = chance.choice(plain)
        yield replace(each, name=f"{each.name}-{number}", files=_varied(each, chance))


def honest(count: int, seed: int) -> Iterator[Handed]:
    """Yield *count* odd submissions of right answers, each odd in several ways at once."""
    chance = random.Random(seed)
    first = [name for name in ODD if name not in _LAST]
    for number in range(count):
        body = solved()
        cell(body, "e14")["source"] = f"%%exercise e14\n{manifest(right('e14'), chance)}"
        chosen = [*chance.sample(first, chance.randrange(4)), *chance.sample(_LAST[:3], chance.randrange(3))]
        chosen += ["worksheets"] if chance.random() < 0.1 and "lines" not in chosen else []
        _neighbours(body, chance)
        for name in sorted(chosen, key=lambda name: name in _LAST):
            ODD[name](body)
        pack = chance.choice(list(PACKED))
        data = json.dumps(
            body, indent=chance.choice((None, 1, 4)), ensure_ascii=chance.random() < 0.5
        ).encode()
        yield Handed("honest", f"{'+'.join([*chosen, pack])}-{number}", PACKED[pack](data), 4, (attack_notebooks.OPEN,),
                     honest=True)  # fmt: skip


def manifest(text: str, chance: random.Random) -> str:
    """Return the same Pod as somebody else would write it: JSON, flow style, other order, notes, labels, a name."""
    body = yaml.safe_load(text)
    body["metadata"]["name"] = f"n{chance.randrange(10**6)}"
    if chance.random() < 0.5:
        body["metadata"]["labels"] = {"app": chance.choice(("shop", "mine", "x")), "by": "me"}
    if chance.random() < 0.5:
        body["metadata"]["annotations"] = {"note": "<b>my</b> answer: 5 of 5?"}
    body = _shuffled(body, chance)
    style = chance.randrange(4)
    if style == 0:
        return json.dumps(body, indent=chance.choice((None, 2)))
    made = yaml.safe_dump(body, sort_keys=False, default_flow_style=style == 1, width=10**6)
    lines = [
        f"{line}  # {chance.random()}" if style == 2 and chance.random() < 0.3 else line
        for line in made.splitlines()
    ]
    return (
        f"{chance.choice(('', '---', '# mine'))}\n" + "\n".join(lines) + chance.choice(("", "\n", "\n...\n"))
    )


def _shuffled(value: Any, chance: random.Random) -> Any:
    """Keys in another order; lists keep theirs, which Kubernetes reads."""
    if isinstance(value, Mapping):
        return {key: _shuffled(value[key], chance) for key in chance.sample(sorted(value), len(value))}
    return [_shuffled(item, chance) for item in value] if isinstance(value, list) else value


def _varied(each: Handed, chance: random.Random) -> dict[str, bytes]:
    files = {}
    for name, data in each.files.items():
        body = _notebook(data)
        if body is not None and each.name != "too-many":
            _neighbours(body, chance)
            data = json.dumps(body, indent=chance.choice((None, 1))).encode()  # noqa: PLW2901
        renamed = (
            name
            if "/" in name or each.family in _NAMED
            else f"{chance.choice('abcxyz')}{chance.randrange(999)}-{name}"
        )
        files[renamed] = data
    if len(files) == 1 and not each.fault and each.family != "archives" and chance.random() < 0.3:
        return {f"z{chance.randrange(999)}.zip": zipped(files)}
    return files


def _neighbours(body: dict[str, Any], chance: random.Random) -> None:
    """Put cells of the student's own anywhere, and change what nobody reads."""
    for number in range(chance.randrange(4)):
        body["cells"].insert(
            chance.randrange(len(body["cells"]) + 1), code(chance.choice(_JUNK), id=f"j{number}")
        )
    for each in body["cells"]:
        if isinstance(each.get("metadata"), dict) and chance.random() < 0.2:
            each["metadata"].update(collapsed=True, tags=["mine"], execution={"t": chance.random()})


def _notebook(data: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("cells"), list):
        return None
    return body if all(isinstance(each, dict) for each in body["cells"]) else None


def chunks(found: Sequence[Handed], size: int) -> Iterator[Sequence[Handed]]:
    """Yield *found* in classes of *size*."""
    yield from (found[at : at + size] for at in range(0, len(found), size))

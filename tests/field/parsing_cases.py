"""What ``podlab apply`` says of a manifest that a page, a chat or an editor has spoilt."""

from __future__ import annotations

from field_place import Place, case

from podlab import manifests
from podlab.errors import ManifestError

GOOD = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: copied\nspec:\n  initContainers:\n    - name: helper\n"
    "      image: busybox:1.36\n      restartPolicy: Always\n"
    "  containers:\n    - name: shop\n      image: busybox:1.36\n"
)
SIBLING = "a no break space is named with its line"


def _says(text: str, *words: str) -> None:
    try:
        manifests.load(text)
    except ManifestError as error:
        told = str(error)
        assert all(word in told for word in words), told
    else:
        raise AssertionError("it was read")


@case("parsing")
def a_no_break_space_is_named_with_its_line(at: Place) -> None:
    manifests.load(GOOD)
    _says(
        GOOD.replace("restartPolicy: Always", "restartPolicy:\u00a0Always"),
        "U+00A0",
        "manifest:9",
        "restartPolicy:",
    )
    _says(GOOD.replace("  name: copied", "\u00a0 name: copied"), "U+00A0", "manifest:4")


@case("parsing", sibling_of=SIBLING)
def other_blanks_that_are_none_are_named(at: Place) -> None:
    for character, name in (("\u202f", "U+202F"), ("\u2007", "U+2007"), ("\u3000", "U+3000"), ("\u2009", "U+2009"),
                            ("\u2003", "U+2003"), ("\u2028", "U+2028"), ("\u0085", "U+0085")):  # fmt: skip
        _says(GOOD.replace("restartPolicy: Always", f"restartPolicy:{character}Always"), name)


@case("parsing", sibling_of=SIBLING)
def a_character_without_width_is_named(at: Place) -> None:
    for character, name in (("\u200b", "U+200B"), ("\ufeff", "U+FEFF"), ("\u2060", "U+2060"), ("\u200c", "U+200C"),
                            ("\u200d", "U+200D"), ("\u00ad", "U+00AD"), ("\u200e", "U+200E")):  # fmt: skip
        _says(GOOD.replace("  containers:", f"  {character}containers:"), name)


@case("parsing", sibling_of=SIBLING)
def a_markdown_fence_is_named(at: Place) -> None:
    for text in (
        "```yaml\n" + GOOD + "```\n",
        "```\n" + GOOD,
        GOOD + "```\n",
        "~~~\n" + GOOD + "~~~\n",
        "   ```yaml\n" + GOOD,
    ):
        _says(text, "Markdown fence")


@case("parsing", sibling_of=SIBLING)
def a_tab_is_named(at: Place) -> None:
    _says(GOOD.replace("  initContainers:", "\tinitContainers:"), "tab", "manifest:6")


@case("parsing", sibling_of=SIBLING)
def typographic_quotes_around_a_key_or_a_list_are_named(at: Place) -> None:
    _says(GOOD.replace("name: helper", "\u201cname\u201d: \u201chelper"), "typographic")
    _says(
        GOOD.replace(
            "      image: busybox:1.36\n      restart",
            "      command: [\u2018sh\u2019, \u2018-c: x\u2019\n      restart",
        ),
        "typographic",
    )


@case("parsing", sibling_of=SIBLING)
def typographic_quotes_that_the_server_refuses_are_named(at: Place) -> None:
    path = at.folder / f"{at.namespace}-quotes.yaml"
    path.write_text(
        GOOD.replace("restartPolicy: Always", "restartPolicy: \u201cAlways\u201d"), encoding="utf-8"
    )
    done = at.podlab("apply", str(path), "--cluster", at.cluster.name, "--namespace", at.namespace)
    assert done.returncode != 0
    assert "typographic quotes" in done.stderr


@case("parsing", sibling_of=SIBLING)
def lines_of_a_diff_or_a_quotation_are_named(at: Place) -> None:
    """Copied out of a pull request or a mail, each line with a sign before it."""
    _says("".join(f"+{line}\n" for line in GOOD.splitlines()), "diff")
    _says("".join(f"> {line}\n" for line in GOOD.splitlines()), "quot")


@case("parsing", sibling_of=SIBLING)
def signs_that_look_like_a_hyphen_or_a_colon_are_named(at: Place) -> None:
    _says(GOOD.replace("    - name: shop", "    \u2013 name: shop"), "en dash")
    _says(GOOD.replace("kind: Pod", "kind\uff1a Pod"), "wide colon")


@case("parsing", sibling_of=SIBLING)
def a_letter_of_another_alphabet_in_a_key_is_named(at: Place) -> None:
    """A Cyrillic letter: the key is another one, and the field seems to be missing."""
    _says(GOOD.replace("kind:", "k\u0456nd:"), "U+0456")


@case("parsing", sibling_of=SIBLING)
def a_web_page_in_place_of_a_manifest_is_named(at: Place) -> None:
    """Saved from the address of a page instead of its raw text."""
    _says('<!DOCTYPE html>\n<html lang="en">\n<head><title>pod.yaml</title></head></html>\n', "web page")

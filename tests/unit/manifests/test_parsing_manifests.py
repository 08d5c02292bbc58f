"""Reading manifests: what is accepted, and how each kind of bad input is named."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from podlab.errors import ManifestError
from podlab.manifests import Fault, load

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: app
      image: busybox
"""


def faults(text: str) -> list[Fault]:
    """Return the faults that *text* is refused for."""
    with pytest.raises(ManifestError) as caught:
        load(text)
    return list(caught.value.faults)  # type: ignore[attr-defined]


def bomb() -> str:
    """Return aliases of aliases, nine levels of nine: 387,420,489 words in some three hundred bytes."""
    levels = zip("abcdefgh", "bcdefghi", strict=True)
    rows = [f"{name}: &{name} [{','.join(['*' + below] * 9)}]" for below, name in levels]
    return "\n".join(["a: &a [x,x,x,x,x,x,x,x,x]", *rows])


def test_each_field_knows_its_line() -> None:
    manifest = load(POD)[0]

    assert manifest.lines["spec.containers[0].image"] == 9
    assert manifest.line("spec.containers[0].imagee") == 8  # not written: the line of what is around it


def test_documents_and_lists_are_flattened() -> None:
    text = POD + "---\n# nothing here\n---\n" + (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Service, metadata: {name: db}}\n"
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: settings\n"
    )  # fmt: skip

    found = load(text)

    assert [(one.kind, one.name) for one in found] == [
        ("Pod", "web"),
        ("Service", "db"),
        ("ConfigMap", "settings"),
    ]
    assert found[2].lines["metadata.name"] == 20


def test_faults_of_all_documents_come_together() -> None:
    text = POD + "---\nkind: Pod\n\tname: x\n---\nkind: Pod\nkind: Pod\nmetadata: {name: 3}\n---\n- 1\n"

    found = {(fault.line, fault.text.split(":")[0].split(",")[0]) for fault in faults(text)}

    assert {line for line, _ in found} == {12, 14, 15, 16, 18}
    assert (15, 'the key "kind" is given twice') in found
    assert (14, 'the field "apiVersion" is missing') in found


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no object"),
        ("hello", "mapping"),
        ("a: b: c", "not YAML"),
        ("[" * 50_000, "nested deeper"),
        ("- " * 50_000, "nested deeper"),
        ("a: &a [*a]", "inside of what it names"),
        ("a: *b", "names nothing"),
        (bomb(), "stands for more than"),
        ("a: &a " + "z" * 10_000 + "\nb: [" + "*a," * 90_000 + "]", "stands for more than"),
        ("x" * (2 << 20), "larger than 1 MiB"),
        ("!!python/object/apply:os.system [ls]", "not allowed"),
        ("\x00", "not YAML"),
        ("\ud800", "not YAML"),
        ("? [a]\n: b", "a key must be a word"),
        ("a: .inf", "JSON does not have"),
        ("a: .nan", "JSON does not have"),
        ("kind: List\napiVersion: v1\nitems: 3", "items of a List"),
        (POD + "---" + POD, "defined twice"),
        (POD.replace("web", "../secrets"), "cannot be a name"),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else None,
)
def test_bad_input_is_refused_in_words_and_at_once(text: str, word: str) -> None:
    started = time.process_time()

    with pytest.raises(ManifestError) as caught:
        load(text)

    assert word in caught.value.faults[0].text  # type: ignore[attr-defined]
    assert caught.value.hint
    assert time.process_time() - started < 5  # a bound, not a speed: nothing is expanded


def test_the_bomb_of_the_specification_is_a_small_text() -> None:
    assert len(bomb()) < 330


def test_a_file_is_named_in_its_faults(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_bytes(b"kind: Pod\nname: \xff\n")

    with pytest.raises(ManifestError, match=r"web\.yaml:2"):
        load(file)
    with pytest.raises(ManifestError, match="cannot be read"):
        load(tmp_path / "missing.yaml")


def test_words_mean_what_kubectl_reads() -> None:
    """Checked against kubectl v1.36.3: y is true, a sexagesimal number and a date are text."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: y, b: 22:22, c: 2026-01-31, d: 010, on: 1}"

    assert load(text)[0].object["data"] == {"a": True, "b": "22:22", "c": "2026-01-31", "d": 8, "true": 1}


def test_merge_keys_and_json_are_read() -> None:
    merged = load("base: &b {kind: Pod}\n<<: *b\napiVersion: v1\nmetadata: {name: x}")[0]
    plain = load('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}')[0]

    assert (merged.kind, plain.name) == ("Pod", "x")


COPIED = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: copied\nspec:\n"


@pytest.mark.parametrize(
    ("text", "line", "cause", "hint"),
    [
        (
            COPIED + "  restartPolicy:\u00a0Always\n  containers: []\n",
            6, "a no-break space (U+00A0) stands after restartPolicy:", "replace it with a blank",
        ),
        (
            COPIED + "  containers:\n\u00a0   - name: c\n      image: i\n",
            7, "a no-break space (U+00A0) stands after the beginning of the line", "replace it with a blank",
        ),
        (COPIED + "  a: b\n  \u200bcontainers:\n c\n", 7, "a space without width (U+200B)", "delete it"),
        ("```yaml\n" + COPIED + "```\n", 1, "a Markdown fence", "copy only what stands between"),
        (COPIED + "  containers: [{name: c, image: “a: b”}\n", 6, "a typographic quote (“)", "straight quotes"),
        (COPIED.replace("  name", "\u00a0 name"), 4, "(U+00A0) stands after the beginning of the line", "with a blank"),
        (COPIED + '  "\\u00a0containers": []\n', 6, "a key begins or ends with a character that only looks", ""),
        ("~~~yaml\n" + COPIED + "~~~\n", 1, "a Markdown fence (~~~)", "copy only what stands between"),
        (COPIED + "  containers:\n    \u2013 name: c\n      image: i\n", 7, "an en dash (U+2013) is not", "- "),
        (COPIED + "  containers:\n    \u2022 name: c\n      image: i\n", 7, "a bullet (U+2022) is not", "- "),
        (COPIED + "  containers:\n    \u2212 name: c\n      image: i\n", 7, "a minus sign (U+2212)", "- "),
        (COPIED + "  a\uff1ab\n  c: d\n", 6, "a wide colon (U+FF1A) stands after a", "a: "),
        (COPIED + "  a: &quot;x&quot;\n", 6, "&quot; is HTML's way", "not its source"),
        ("$ cat pod.yaml\n" + COPIED, 1, "the prompt of a terminal", "copy only the manifest"),
        ("".join(f"{n} {line}\n" for n, line in enumerate(COPIED.split("\n"), 1)), 1, "a line number", "without"),
        (COPIED.replace("name:", "na\u200bme:"), 4, "a key holds an invisible character (U+200B)", "write it again"),
        (COPIED.replace("name:", "na\u00adme:"), 4, "a key holds an invisible character (U+00AD)", "write it again"),
        (COPIED.replace("name:", "n\u0430me:"), 4, "(U+0430), which is not the Latin one", "write it again"),
        ("{{ if .Values.x }}\n" + COPIED + "{{ end }}\n", 1, "a template ({{ … }})", "helm template"),
        (COPIED + "  containers: [{name: c, image: {{ .image }}}]\n", 6, "a template ({{ … }})", "helm template"),
    ],
)  # fmt: skip
def test_a_character_that_looks_like_another_is_named(text: str, line: int, cause: str, hint: str) -> None:
    """From a web page or a slide; the parser complains of the line after, and of an indentation that is faultless."""
    with pytest.raises(ManifestError) as caught:
        load(text)
    (fault,) = caught.value.faults  # type: ignore[attr-defined]
    assert (fault.line, cause in fault.text, hint in (fault.hint or "")) == (line, True, True), fault


def test_honest_text_may_hold_such_characters() -> None:
    (found,) = load(COPIED + '  # a\u00a0comment\n  text: "10\u00a0kg of “cups”"\n')
    assert found.object["spec"]["text"] == "10\u00a0kg of “cups”"
    (found,) = load(COPIED + "  τιμή: 3\n  text: |\n    * one: two\n    $ ls\n    &quot;\n")
    assert found.object["spec"] == {"τιμή": 3, "text": "* one: two\n$ ls\n&quot;\n"}
    with pytest.raises(ManifestError, match="cannot be used") as caught:
        load(COPIED + "  # a\u00a0comment\n a: b\n   c: d\n")
    assert "U+00A0" not in str(caught.value.cause)

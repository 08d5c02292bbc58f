"""The file server with its planted faults, the archive it packs, and the documents about all knobs."""

import re
from pathlib import Path

import podlab.app
from podlab.app.files import archive
from podlab.app.knobs import parser
from podlab.app.roles import ROLES

README = Path(__file__).parents[3] / "labs/images/podlab-app/README.md"


def test_texts_of_the_command_line_are_files(serving, ask):
    """The nonce of a run gets into a file without a volume."""
    _, url = serving("config", "--text", 'prices.json={"nonce": "heron=1"}')

    assert ask(f"{url}/prices.json") == (200, {"nonce": "heron=1"})
    assert ask(f"{url}/other")[0] == 404


def test_a_mounted_configmap_is_served_through_its_links(serving, ask, tmp_path):
    """Its files are links to ..data, which is a link to a folder with the time in its name."""
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026/prices").write_text("1")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "prices").symlink_to("..data/prices")
    _, url = serving("config", tmp_path)

    assert ask(f"{url}/prices") == (200, 1)


def test_faults_come_first_and_each_answer_says_what_was_sent(serving, ask):
    """Half a file, then a file of the right length with a changed byte, then the file."""
    config, url = serving("config", "--text", "f=abcdefghij", "--broken", 1, "--wrong", 1)
    half, changed, whole = (ask(f"{url}/f")[1] for _ in range(3))
    lines = [config.until("request") for _ in range(3)]

    assert (half, whole) == ("abcde", "abcdefghij")
    assert len(changed) == len(whole)
    assert changed != whole
    assert [line["answer"] for line in lines] == ["half", "changed", "whole"]
    assert {line["peer"] for line in lines} == {"127.0.0.1"}


def test_a_question_for_a_missing_file_uses_up_no_planted_fault(serving, ask):
    """Otherwise a probe of / would take the fault that was meant for the learner."""
    _, url = serving("config", "--text", "f=ab", "--broken", 1)
    ask(url)
    ask(f"{url}/healthz")

    assert ask(f"{url}/f")[1] == "a"


def test_a_slow_first_byte_makes_a_short_timeout_fail(app, serving):
    """Lab 03: the server is there and silent."""
    _, url = serving("config", "--text", "f=ab", "--first-byte-after", 60)
    fetch = app("caller", f"{url}/f", "--once", "--timeout", 0.2)
    fetch.end()

    assert fetch.lines[1]["outcome"] == "timeout"


def test_a_held_name_is_answered_once_its_first_client_is_gone(app, serving, ask):
    """e08 kills prepare in the middle of its work, however slow the machine is."""
    config, url = serving("config", "--text", "f=ab", "--text", "g=cd", "--hold", "f")
    fetch = app("caller", f"{url}/f", "--once", "--timeout", 60)
    held = config.until("held")
    other = ask(f"{url}/g")
    fetch.process.kill()

    assert held["path"] == "/f"
    assert config.until("request")["path"] == "/g"
    assert other == (200, "cd")
    assert ask(f"{url}/f") == (200, "ab")


def test_fetch_unpack_serve(app, serving, ask, tmp_path):
    """e11 from end to end: the nonce travels in an archive."""
    _, config = serving("config", "--text", "index.html=heron", "--pack", "site.tar.gz")
    archive, site = tmp_path / "site.tar.gz", tmp_path / "site"

    assert app("fetch", archive, "--call", f"{config}/site.tar.gz", "--timeout", 10).end() == 0
    assert app("unpack", archive, "--into", site).end() == 0
    _, shop = serving("shop", "--serve-file", site / "index.html")
    assert ask(shop)[1]["content"] == "heron"


def test_unpack_fails_on_a_missing_and_on_half_an_archive(app, serving, tmp_path):
    """An init that 'succeeds' here would hide the fault from the kubelet."""
    _, config = serving("config", "--text", "f=" + "ab" * 500, "--pack", "site.tar.gz", "--broken", 1)
    app("fetch", tmp_path / "half", "--call", f"{config}/site.tar.gz", "--timeout", 10).end()

    assert app("unpack", tmp_path / "half", "--into", tmp_path / "x").end() == 1
    assert app("unpack", tmp_path / "none", "--into", tmp_path / "x").end() == 1


def test_unpack_writes_nothing_outside_of_its_folder(app, tmp_path):
    """An archive is a message from a stranger."""
    (tmp_path / "bad.tar.gz").write_bytes(archive({"../escaped": b"x"}))

    assert app("unpack", tmp_path / "bad.tar.gz", "--into", tmp_path / "site").end() == 1
    assert not (tmp_path / "escaped").exists()


def knobs():
    return {text for action in parser()._actions for text in action.option_strings if text[:2] == "--"}


def test_help_names_every_role_and_every_knob():
    """Whoever has only the image has everything."""
    text = parser().format_help()

    assert all(re.search(rf"^    {role} ", text, re.MULTILINE) for role in ROLES)
    assert all(knob in text for knob in knobs())


def test_the_readme_lists_every_role_and_every_knob_and_no_other():
    """A knob without a row is a knob that no author finds."""
    text = README.read_text()

    assert set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE)) == set(ROLES)
    assert set(re.findall(r"^\| `(--[a-z0-9-]+)", text, re.MULTILINE)) == knobs() - {"--help"}


def test_every_role_is_a_function_of_its_module():
    """The table holds names; a misspelt one would show only when it is played."""
    from importlib import import_module

    assert all(
        callable(getattr(import_module(f"podlab.app.{module}"), name)) for name, (module, _) in ROLES.items()
    )


def test_no_module_of_the_program_needs_more_than_python():
    """The image has no packages."""
    sources = Path(podlab.app.__file__).parent.glob("*.py")
    imported = {
        name.split(".")[0]
        for source in sources
        for name in re.findall(r"^\s*(?:from|import) ([a-z][\w.]*)", source.read_text(), re.MULTILINE)
    }
    import sys

    assert imported <= sys.stdlib_module_names

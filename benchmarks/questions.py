"""
Twenty questions of a stranger: how many clicks from the README to the page that answers, by links between pages.

    python benchmarks/questions.py

An answer is a sentence that is looked for word by word, so that a page that lost it is noticed. The README itself is
0 clicks away. ``tests/unit/docs/test_strangers_questions.py`` asks that each is found within one click.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

QUESTIONS = {
    "What is this, and for whom?": r"hands-on course on the two patterns.*\*\*Learners\*\*",
    "Do I need Docker, root or an account?": r"Docker, root and an account are not needed",
    "What do I need, and what do I type first?": r"\./start .*Python 3\.11 or newer",
    "How long does it take?": r"\| notebook \| minutes \|",
    "Does it run on Windows?": r"\| Windows \| in WSL 2",
    "Will it touch the kubeconfig that I use at work?": r"never edits\s+`~/\.kube/config`",
    "How do I get rid of it?": r"podlab down\s+# deletes the cluster",
    "My Pod does not run: which command says why?": r"`podlab explain` \|.*is not running, in three lines",
    "How do marks get into our learning platform?": r"platform.*podlab report .*--format canvas",
    "How do I write an exercise of my own?": r"podlab exercise new e40-my-title",
    "What do I have to know before?": r"know before\?.*what an image and an exit code are",
    "How much is downloaded, and where is it put?": r"download, and where.*\d+ MB.*`\.venv`",
    "We have a proxy, or a mirror of PyPI": r"HTTPS_PROXY.*PIP_INDEX_URL",
    "Does it work without a network?": r"without a network afterwards\?\*\* Yes",
    "Does it send anything to anybody?": r"send anything to anybody\?\*\* No",
    "How do I update, and what becomes of my answers?": r"git pull && \./start.*answers and your progress stay",
    "I spoiled a page: how do I get it back?": r"untouched page back\?.*podlab course fresh",
    "I have a Pod of my own that misbehaves": r"Pod of my own.*podlab explain NAME --context",
    "How does the embedded cluster differ?": r"lists what it serves, what it only stores",
    "What do I report when podlab itself is at fault?": r"PODLAB_DEBUG=1.*podlab doctor --json",
}


def links(page: Path) -> Iterator[Path]:
    """Yield the Markdown pages of the repository that a page leads to, by a link or by a path in backquotes."""
    text = page.read_text("utf-8")
    named = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r"`([\w./-]+\.md)`", text)
    for name in named:
        for base in (page.parent, ROOT):
            target = (base / name).resolve()
            if target.suffix == ".md" and target.is_file() and target.is_relative_to(ROOT):
                yield target
                break


def clicks(answer: str, start: Path = ROOT / "README.md") -> tuple[int, Path] | None:
    """Return clicks from *start* to the nearest page that holds *answer*, and that page; None: not found."""
    seen, now, steps = {start}, [start], 0
    while now:
        for page in now:
            if re.search(answer, page.read_text("utf-8"), re.DOTALL):
                return steps, page
        after = [target for page in now for target in links(page) if target not in seen]
        seen.update(after)
        now, steps = list(dict.fromkeys(after)), steps + 1
    return None


def main() -> None:
    """Print a line for each question, and the sum."""
    found = {question: clicks(answer) for question, answer in QUESTIONS.items()}
    for question, hit in found.items():
        clicked = f"{hit[0]} click{'' if hit[0] == 1 else 's'}" if hit else ""
        where = f"{clicked}, {hit[1].relative_to(ROOT)}" if hit else "not found"
        print(f"  {question:<52} {where}")
    hits = [hit for hit in found.values() if hit]
    print(f"found: {len(hits)} of {len(found)}; clicks in all: {sum(hit[0] for hit in hits)}")


if __name__ == "__main__":
    main()

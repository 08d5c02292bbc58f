"""A picture in a notebook comes with words."""

from matplotlib.figure import Figure

from podlab.lab import showing
from podlab.timeline import Lane, Timeline


def test_a_picture_is_followed_by_its_words(monkeypatch):
    """JupyterLab 4.6 drops the alt text of an image, so a screen reader would meet an unnamed picture."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *what, **_: shown.extend(what))

    showing.show_figure(Figure(), "Life of Pod <a>: two lanes")

    picture, words = shown
    assert picture.alt == "Life of Pod <a>: two lanes"
    assert "Life of Pod &lt;a&gt;: two lanes</details>" in words["text/html"]
    assert words["text/plain"] == "Life of Pod <a>: two lanes"


def test_a_predicted_order_of_other_containers_is_not_laid_over(monkeypatch):
    """A prediction stays until the next one; a Pod of another round has other lanes."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *what, **_: shown.extend(what))
    lanes = (Lane("shop", "app", "busybox:1.36", (), ()),)
    life = Timeline("one", "default", lanes, until=1.0)

    showing.show(life, "fetch | shop")
    showing.show(life, "(shop)")

    plain, laid_over = (words["text/plain"] for words in shown[1::2])
    assert "Predicted" not in plain
    assert "Predicted order of starts: (shop)" in laid_over

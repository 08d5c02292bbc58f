"""A picture in a notebook comes with words."""

from matplotlib.figure import Figure

from podlab.lab import showing


def test_a_picture_is_followed_by_its_words(monkeypatch):
    """JupyterLab 4.6 drops the alt text of an image, so a screen reader would meet an unnamed picture."""
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *what, **_: shown.extend(what))

    showing.show_figure(Figure(), "Life of Pod <a>: two lanes")

    picture, words = shown
    assert picture.alt == "Life of Pod <a>: two lanes"
    assert "Life of Pod &lt;a&gt;: two lanes</details>" in words["text/html"]
    assert words["text/plain"] == "Life of Pod <a>: two lanes"

"""Objects that a cell returns."""

import pytest
from IPython.lib.pretty import pretty

from podlab import manifests
from podlab.errors import ApiError, ConnectionLostError, ManifestError
from podlab.lab.objects import Objects, Stored


def test_objects_at_the_end_of_a_cell_print_as_kinds_and_names():
    """A learner sees what was made or changed, not fifty lines of fields; a program sees the objects."""
    made = [
        {"kind": kind, "metadata": {"name": name}, "data": {}}
        for kind, name in (("Secret", "a"), ("Pod", "b"))
    ]

    assert pretty(Stored(made)) == "Secret a, Pod b"
    assert Stored(made) == made


class OneObject:
    """As much of a lab as ``verdicts`` uses."""

    client, namespace = None, "default"

    def _load(self, text):
        return manifests.load(text)


def verdicts(monkeypatch, error):
    def validate(*_args, **_options):
        if error:
            raise error

    monkeypatch.setattr(manifests, "validate", validate)
    return Objects.verdicts(OneObject(), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (None, "taken"),
        (ManifestError("x"), "refused"),
        (ApiError("x", code=403), "refused"),
        (ApiError("webhook", code=500), "refused"),
    ],
)
def test_the_server_takes_or_refuses(monkeypatch, error, word):
    assert verdicts(monkeypatch, error) == {"a": word}


@pytest.mark.parametrize("error", [ConnectionLostError("x"), ApiError("x", code=503)])
def test_a_server_that_cannot_be_asked_has_refused_nothing(monkeypatch, error):
    """Round L6.6 printed "refused" when the API server was away."""
    with pytest.raises(type(error)):
        verdicts(monkeypatch, error)

"""Objects that a cell returns."""

from IPython.lib.pretty import pretty

from podlab.lab.objects import Stored


def test_objects_at_the_end_of_a_cell_print_as_kinds_and_names():
    """A learner sees what was made or changed, not fifty lines of fields; a program sees the objects."""
    made = [
        {"kind": kind, "metadata": {"name": name}, "data": {}}
        for kind, name in (("Secret", "a"), ("Pod", "b"))
    ]

    assert pretty(Stored(made)) == "Secret a, Pod b"
    assert Stored(made) == made

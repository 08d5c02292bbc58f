"""A command in a container that fails is an error, unless the caller accepts it."""

import pickle

import pytest

from podlab.client.types import ExecOutput
from podlab.errors import CommandError, PodlabError, WaitTimeoutError
from podlab.lab.inspecting import Inspecting


class Answering:
    """As much of a client as ``exec`` uses; each command has the same end."""

    def __init__(self, stdout="", stderr="", exit_code=0):
        self.output, self.asked = ExecOutput(stdout, stderr, exit_code), []

    def exec(self, namespace, pod, command, *, container=None):
        self.asked.append((namespace, pod, command, container))
        return self.output


class Namespace(Inspecting):
    """As much of a lab as ``exec`` and ``wait`` use."""

    namespace = "lab-11"

    def __init__(self, client):
        self.client = client

    def get(self, kind, name=None):
        assert (kind, name) == ("pod", None)
        return {"items": []}

    def _suspect(self, error):
        raise AssertionError("the failed command is the cause already")


def lab(**output):
    return Namespace(Answering(**output))


def refused(command="pgbench -i", container=None, **output):
    with pytest.raises(CommandError) as error:
        lab(**output).exec("db", command, container)
    return error.value


def test_a_failed_command_raises_with_what_it_printed():
    """Lab 11 went on without its load for weeks: pgbench had failed, and its output was not read."""
    error = refused(container="postgres", stdout="dropping\n", stderr="pgbench: no password\n", exit_code=1)

    assert error.summary == "pgbench -i: exit code 1 in Pod db, container postgres"
    assert error.cause == "it printed: dropping / pgbench: no password"
    assert error.hint == "lab.exec(..., check=False) returns the output of a command that may fail"
    assert (error.ended_with, error.output) == (1, "dropping\npgbench: no password")


def test_the_three_lines_survive_a_pickle():
    error = refused(stderr="no", exit_code=3)
    again = pickle.loads(pickle.dumps(error))

    assert (str(again), again.ended_with, again.exit_code) == (str(error), 3, 12)


@pytest.mark.parametrize(
    ("code", "words"), [(126, "is not a program"), (127, "lacks this program"), (137, "killed with it")]
)
def test_an_end_that_a_shell_or_a_signal_explains_has_a_hint_of_its_own(code, words):
    assert words in refused(exit_code=code).hint


def test_long_output_is_cut_and_none_is_named():
    """The first three lines have to fit into a cell; ``output`` has all of it."""
    long = refused(
        command=["sh", "-c", "x" * 500], stderr="\n".join(["first", *["y" * 500] * 3]), exit_code=1
    )

    assert len(long.summary) < 250
    assert len(long.cause) < 550
    assert "first" not in long.cause
    assert long.output.startswith("first")
    assert refused(exit_code=1).cause == "it printed nothing"


def test_an_accepted_failure_returns_the_output():
    assert (
        lab(stdout="1 ", stderr="refused\n", exit_code=1).exec("db", "nc -z db 1", check=False) == "1 refused"
    )


def test_a_success_returns_the_output_of_both_streams():
    asked = lab(stdout="out\n", stderr="err\n")

    assert asked.exec("db", ["ls", "/"], "postgres") == "out\nerr"
    assert asked.client.asked == [("lab-11", "db", ["ls", "/"], "postgres")]


def test_a_wait_that_asks_by_a_failing_command_names_it_at_its_deadline():
    """Until then the command may fail: what is waited for is not there yet."""
    asked = lab(stderr="connection refused", exit_code=1)

    with pytest.raises(WaitTimeoutError) as error:
        asked.wait(lambda: asked.exec("db", "nc -z db 1") == "", "the port is closed", deadline_s=0.1)

    assert error.value.cause == "nc -z db 1: exit code 1 in Pod db"
    assert isinstance(error.value, PodlabError)

"""The proxy: when it is ready, whom it lets in, and what becomes of requests when it is stopped."""

import threading
from pathlib import Path
from urllib.error import URLError

import pytest


def test_the_admin_port_tells_ready_from_healthy(serving, ask, app, free_port):
    """e22: it is alive all along, and ready only once it takes requests; a mistyped path is 404."""
    proxy, _ = serving("proxy", "--admin-port", free_port, "--ready-after", 600, ready="admin-listening")
    admin = f"http://127.0.0.1:{free_port}"

    assert [ask(admin + path)[0] for path in ("/healthz", "/ready", "/redy")] == [200, 503, 404]
    assert "listening" not in proxy.events()


def test_the_proxy_is_ready_once_it_listens(serving, ask, free_port):
    """The port and the readiness page change together."""
    _, url = serving("proxy", "--admin-port", free_port, "--ready-after", 0.2)

    assert ask(f"http://127.0.0.1:{free_port}/ready")[0] == 200
    assert ask(url)[0] == 200


def test_a_proxy_that_is_not_ready_any_more_closes_its_port(serving, ask, free_port):
    """So a probe of the port and a probe of the page agree."""
    proxy, url = serving("proxy", "--admin-port", free_port, "--not-ready-after", 0.1)
    proxy.until("closed")

    assert ask(f"http://127.0.0.1:{free_port}/ready")[0] == 503
    assert ask(f"http://127.0.0.1:{free_port}/healthz")[0] == 200
    with pytest.raises(URLError, match="refused"):
        ask(url)


def test_a_file_can_take_the_proxy_out_of_service(serving, ask, tmp_path):
    """For a check that makes it really not ready by `exec rm`."""
    (tmp_path / "ready").touch()
    _, url = serving("proxy", "--ready-file", tmp_path / "ready")
    before = ask(f"{url}/ready")[0]
    (tmp_path / "ready").unlink()

    assert (before, ask(f"{url}/ready")[0], ask(url)[0]) == (200, 503, 200)


def test_the_whole_page_comes_through(serving, ask, tmp_path):
    """Long pages, their status, and what was posted."""
    (tmp_path / "long").write_text("x" * 5000)
    shop, upstream = serving("shop", "--serve-file", tmp_path / "long", "--fail-every", 2)
    _, url = serving("proxy", "--upstream", upstream)

    assert len(ask(url)[1]["content"]) == 5000
    assert ask(url)[0] == 503
    assert ask(f"{url}/reload", b"")[0] == 200
    shop.until("reload")


def test_only_today_s_token_comes_in(serving, ask, tmp_path):
    """e35, lab 10: the file is read at each request, so a rotated word counts at once."""
    token = tmp_path / "token"
    token.write_text("monday\n")
    _, upstream = serving("shop")
    _, url = serving("proxy", "--upstream", upstream, "--token-file", token)

    def status(word):
        return ask(url, Authorization=f"Bearer {word}")[0]

    assert (status("monday"), status("tuesday"), ask(url)[0], ask(f"{url}/healthz")[0]) == (
        200,
        401,
        401,
        200,
    )
    token.write_text("tuesday")
    assert (status("monday"), status("tuesday")) == (401, 200)
    token.unlink()
    assert (status("tuesday"), status("")) == (401, 401)


def test_the_caller_shows_its_token(app, serving, tmp_path):
    """A word, or a file that is read at each call."""
    (tmp_path / "token").write_text("monday")
    _, url = serving("proxy", "--token-file", tmp_path / "token")
    order = ("caller", url, "--once", "--must", "--timeout", 10)

    codes = [
        app(*order, *more).end() for more in (["--token", "monday"], ["--token-file", tmp_path / "token"], [])
    ]
    assert codes == [0, 0, 1]


@pytest.mark.parametrize("drains", [True, False])
def test_a_slow_call_is_answered_only_by_a_proxy_that_drains(serving, ask, drains):
    """e33: the call is under way when SIGTERM comes."""
    _, upstream = serving("shop")
    proxy, url = serving("proxy", "--upstream", upstream, *(["--drain=0"] if drains else []))
    answers = []

    def call():
        try:
            answers.append(ask(f"{url}/slow?s={2 if drains else 600}")[0])
        except OSError as error:
            answers.append(type(error).__name__)

    thread = threading.Thread(target=call)
    thread.start()
    while not under_way(url):
        pass
    proxy.terminate()
    thread.join()

    assert proxy.end() == 0
    assert (answers == [200]) is drains
    assert ("drained" in proxy.events()) is drains


def under_way(url):
    """Whether the kernel shows a connection to the server's port that is neither listening nor closing."""
    port = f"{int(url.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(":" + port) and row[3] == "01" for row in rows)


def test_a_draining_proxy_takes_requests_for_a_while_and_says_it_is_not_ready(serving, ask):
    """The endpoint's removal takes time; until then new calls still come."""
    proxy, url = serving("proxy", "--drain=600")
    proxy.terminate()
    proxy.until("draining")

    assert (ask(f"{url}/ready")[0], ask(url)[0]) == (503, 200)


def test_a_drained_proxy_ends_with_0_and_refuses(serving, ask):
    """The last of its lines says that nobody was left waiting."""
    proxy, url = serving("proxy", "--drain=0")
    proxy.terminate()

    assert proxy.end() == 0
    assert proxy.events()[-4:] == ["draining", "closed", "drained", "end"]
    with pytest.raises(URLError, match="refused"):
        ask(url)

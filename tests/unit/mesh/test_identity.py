"""The lab's certificate authority: who is named, who signed, and that two sides agree by it over real TLS."""

from __future__ import annotations

import base64
import socket
import ssl
import threading

import pytest
import yaml

from podlab import mesh


def written(secret, folder):
    """The files of a Secret in a folder, as a volume holds them."""
    folder.mkdir()
    for name, text in secret["stringData"].items():
        (folder / name).write_text(text)
    return folder


def context(purpose, folder):
    """TLS with the identity of that folder, which asks the other side for one too."""
    made = ssl.create_default_context(purpose, cafile=str(folder / "ca.crt"))
    made.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    made.check_hostname, made.verify_mode = False, ssl.CERT_REQUIRED
    return made


def shaken(server, client):
    """The names that the server finds in the client's certificate. Raises OSError where the two do not agree."""
    here, there = socket.socketpair()
    answer = []

    def serve():
        try:
            with context(ssl.Purpose.CLIENT_AUTH, server).wrap_socket(here, server_side=True) as sock:
                answer.append(sock.getpeercert()["subjectAltName"])
                sock.sendall(b"x")
        except OSError as error:
            answer.append(error)
            here.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with context(ssl.Purpose.SERVER_AUTH, client).wrap_socket(there) as sock:
            sock.recv(1)
    finally:
        there.close()
        thread.join()
    return answer[0]


def test_both_sides_know_each_other_by_their_service_accounts(tmp_path):
    authority = mesh.Authority()
    shop, customer = (written(authority.workload(n, "lab"), tmp_path / n) for n in ("shop", "customer"))
    assert shaken(shop, customer) == (("URI", "spiffe://cluster.local/ns/lab/sa/customer"),)


def test_another_authority_is_not_believed(tmp_path):
    shop = written(mesh.Authority().workload("shop", "lab"), tmp_path / "shop")
    customer = written(mesh.Authority().workload("customer", "lab"), tmp_path / "customer")
    with pytest.raises(ssl.SSLError):
        shaken(shop, customer)


def test_a_server_has_the_names_of_its_service_and_the_bundle_of_its_authority(tmp_path):
    authority = mesh.Authority()
    secret = authority.server("injector", "lab")
    assert base64.b64decode(authority.bundle).decode() == secret["stringData"]["ca.crt"]
    folder = written(secret, tmp_path / "server")
    found = shaken(folder, folder)
    assert {name for _, name in found} == {"injector.lab.svc", "injector.lab.svc.cluster.local"}


def test_objects_become_a_manifest_in_their_order():
    authority = mesh.Authority()
    made = list(yaml.safe_load_all(mesh.text(*(authority.workload(name, "lab") for name in "ab"))))
    assert [one["metadata"]["name"] for one in made] == ["identity-a", "identity-b"]
    assert {one["type"] for one in made} == {"kubernetes.io/tls"}

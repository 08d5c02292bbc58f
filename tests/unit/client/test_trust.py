"""Which certificates of an API server are taken: those that kubectl takes, and no others."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from podlab.client import Kubeconfig
from podlab.client.transport import Transport

Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(subject: str, signer: Signer | None, *, ca: bool) -> Signer:
    """One without any key identifier, as EKS makes its CA."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    issuer, signing = (signer[0].subject, signer[1]) if signer else (name(subject), key)
    made = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.example")]), critical=False)
        .sign(signing, hashes.SHA256())
    )
    return made, key


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def shake_hands(server: Signer, trusted: x509.Certificate, folder: Path) -> None:
    """Let a client of a kubeconfig that trusts one CA speak to a server, in memory. Raises SSLError."""
    file = folder / "server.pem"
    plain = serialization.NoEncryption()
    key = server[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(pem(server[0]) + key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    data = base64.b64encode(pem(trusted)).decode()
    context = Transport(Kubeconfig("https://api.example", "x", "x", {"certificate-authority-data": data}))
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = context.ssl_context()
    assert asking is not None
    client = asking.wrap_bio(back, there, server_hostname="api.example")
    other = serving.wrap_bio(there, back, server_side=True)
    for end in (client, other, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.fixture(params=[False, True], ids=["", "as Python 3.13 is by default"])
def strictness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``create_default_context`` asks of certificates differs between versions of Python."""
    default = ssl.create_default_context

    def made(cadata: str) -> ssl.SSLContext:
        context = default(cadata=cadata)
        if request.param:
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", made)


@pytest.mark.usefixtures("strictness")
def test_a_ca_without_key_identifiers_is_one(tmp_path: Path) -> None:
    """Go asks for none, and EKS makes none."""
    authority = certificate("kubernetes", None, ca=True)
    shake_hands(certificate("api", authority, ca=False), authority[0], tmp_path)


@pytest.mark.usefixtures("strictness")
def test_a_ca_that_another_signed_is_trusted_by_itself(tmp_path: Path) -> None:
    """A company's CA may sign the cluster's; the kubeconfig names the cluster's."""
    authority = certificate("kubernetes", certificate("company", None, ca=True), ca=True)
    shake_hands(certificate("api", authority, ca=False), authority[0], tmp_path)


@pytest.mark.usefixtures("strictness")
def test_a_certificate_of_another_ca_is_refused(tmp_path: Path) -> None:
    """Also one of the same name."""
    server = certificate("api", certificate("kubernetes", None, ca=True), ca=False)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, certificate("kubernetes", None, ca=True)[0], tmp_path)

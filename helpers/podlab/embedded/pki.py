"""
The certificate of one cluster: self-signed, made once, kept with mode 0600, made again when it nears its end.

kubectl sends its token over HTTPS only, so loopback needs a certificate too. The ``openssl`` program makes
one in 9 to 18 ms; importing ``cryptography`` costs 65 to 114 ms, so it is the second choice.
"""

from __future__ import annotations

import os
import time

from podlab.errors import SandboxError
from podlab.files import PRIVATE, write_whole

VALID_DAYS = 365
RENEW_S = 30 * 86400  # before the end
NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
         "kubernetes.default.svc.cluster.local")  # fmt: skip
ADDRESSES = ("127.0.0.1", "10.96.0.1")
OPENSSL = ("/usr/bin/openssl", "/usr/local/bin/openssl", "/opt/homebrew/bin/openssl", "/bin/openssl")


_begun: dict[str, int] = {}  # folder -> pid of the openssl that makes its certificate


def begin(folder: str) -> None:
    """Let ``openssl`` start on a missing certificate, so that `certificate` finds it nearly done."""
    program = _program()
    if program and not _is_fresh(*_paths(folder)):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _begun[folder] = _start_openssl(program, folder)


def certificate(folder: str) -> tuple[str, str]:
    """
    Return paths of certificate and key below *folder*, made or renewed where needed.

    Raises:
        SandboxError: When neither openssl nor cryptography can make one.
    """
    cert, key = _paths(folder)
    if not _is_fresh(cert, key):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not (_by_openssl(folder) or _by_cryptography(cert, key)):
            raise SandboxError(
                "no certificate could be made for the API server",
                cause="neither the openssl program nor the cryptography package is there",
                hint="pip install cryptography",
            )
    return cert, key


def token(folder: str) -> str:
    """Return the bearer token of the cluster, made once."""
    path = f"{folder}/token"
    try:
        with open(path, encoding="ascii") as file:
            found = file.read().strip()
        if found:
            return found
    except FileNotFoundError:
        pass
    os.makedirs(folder, mode=0o700, exist_ok=True)
    import secrets

    fresh = secrets.token_urlsafe(32)
    write_whole(path, fresh.encode(), mode=PRIVATE)
    return fresh


def _paths(folder: str) -> tuple[str, str]:
    return f"{folder}/server.crt", f"{folder}/server.key"


def _program() -> str:
    return next((path for path in OPENSSL if os.access(path, os.X_OK)), "")


def _is_fresh(cert: str, key: str) -> bool:
    try:
        age_s = time.time() - os.stat(cert).st_mtime
        return os.access(key, os.R_OK) and 0 <= age_s < VALID_DAYS * 86400 - RENEW_S
    except OSError:
        return False


def _by_openssl(folder: str) -> bool:
    program = _program()
    if not program:
        return False
    pid = _begun.pop(folder, None) or _start_openssl(program, folder)
    _, status = os.waitpid(pid, 0)
    os.unlink(f"{folder}/openssl.cnf")
    if status != 0:
        return False
    for path in reversed(_paths(folder)):  # the key first: a certificate without its key is of no use
        os.chmod(path + ".new", 0o600)
        os.replace(path + ".new", path)
    return True


def _start_openssl(program: str, folder: str) -> int:
    """Return the pid of an openssl that writes key and certificate to files called ``.new``."""
    config = f"{folder}/openssl.cnf"
    cert, key = _paths(folder)
    alternatives = [f"DNS:{n}" for n in NAMES] + [f"IP:{a}" for a in ADDRESSES]
    write_whole(config, (
        "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nCN=podlab\n[v3]\n"
        "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,keyCertSign\n"
        "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n"
        f"subjectAltName={','.join(alternatives)}\n"
    ), mode=PRIVATE)  # fmt: skip
    arguments = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-config", config, "-days", str(VALID_DAYS), "-keyout", key + ".new", "-out", cert + ".new",
                 "-set_serial", str(int.from_bytes(os.urandom(8)) >> 1)]  # fmt: skip
    quiet = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    return os.posix_spawn(program, arguments, {"PATH": "/usr/bin:/bin"}, file_actions=quiet)


def _by_cryptography(cert: str, key: str) -> bool:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError:
        return False
    import ipaddress
    from datetime import UTC, datetime, timedelta

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podlab")])
    now = datetime.now(UTC)
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                           "crl_sign", "encipher_only", "decipher_only"), False)  # fmt: skip
    alternatives: list[x509.GeneralName] = [x509.DNSName(n) for n in NAMES]
    alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in ADDRESSES]
    public = private.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    )
    signed = builder.sign(private, hashes.SHA256())
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    write_whole(key, private.private_bytes(pem, form, plain), mode=PRIVATE)
    write_whole(cert, signed.public_bytes(pem), mode=PRIVATE)
    return True

"""
A small certificate authority for the lab's mesh: of istiod's work the part that gives each workload its certificate.

A service account is named as SPIFFE does, and Istio with it: ``spiffe://cluster.local/ns/NAMESPACE/sa/NAME``. Needs the
package ``cryptography``.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podlab.pods.raw import RawObject

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509 import Certificate, CertificateBuilder, GeneralName, Name

TRUST_DOMAIN = "cluster.local"
CLOCKS = datetime.timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""


def spiffe(account: str, namespace: str) -> str:
    """Return the name of a service account in the mesh."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}"


class Authority:
    """
    One authority, with its key in memory only.

    Args:
        valid: For how long its own certificate and those that it signs hold.
    """

    def __init__(self, valid: datetime.timedelta = datetime.timedelta(days=1)) -> None:
        from cryptography import x509

        self.valid = valid
        self._key, self._name = _new_key(), _name("podlab mesh")
        constraint = x509.BasicConstraints(ca=True, path_length=0)
        built = self._builder(self._name, self._key).add_extension(constraint, critical=True)
        self._certificate = self._sign(built)

    @property
    def bundle(self) -> str:
        """Return what a webhook's ``caBundle`` holds: the authority's certificate, in base64."""
        return base64.b64encode(_pem(self._certificate).encode()).decode()

    def workload(self, account: str, namespace: str) -> RawObject:
        """Return the Secret ``identity-ACCOUNT``: a key, the certificate of a service account, and the authority's."""
        from cryptography import x509

        uri = x509.UniformResourceIdentifier(spiffe(account, namespace))
        return self._secret(f"identity-{account}", namespace, account, [uri])

    def server(self, service: str, namespace: str) -> RawObject:
        """Return the Secret ``SERVICE-tls``: a key and the certificate of a Service, by the names that it goes by."""
        from cryptography import x509

        names = [x509.DNSName(f"{service}.{namespace}.svc{domain}") for domain in ("", ".cluster.local")]
        return self._secret(f"{service}-tls", namespace, service, names)

    def _secret(self, secret: str, namespace: str, common: str, names: Sequence[GeneralName]) -> RawObject:
        from cryptography import x509

        key = _new_key()
        built = self._builder(_name(common), key).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        data = {
            "tls.crt": _pem(self._sign(built)),
            "tls.key": _key_pem(key),
            "ca.crt": _pem(self._certificate),
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret, "namespace": namespace},
            "type": "kubernetes.io/tls",
            "stringData": data,
        }

    def _builder(self, name: Name, key: ec.EllipticCurvePrivateKey) -> CertificateBuilder:
        from cryptography import x509

        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCKS)
            .not_valid_after(now + self.valid)
        )

    def _sign(self, builder: CertificateBuilder) -> Certificate:
        from cryptography.hazmat.primitives import hashes

        return builder.sign(self._key, hashes.SHA256())


def _name(common: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _new_key() -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization

    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()

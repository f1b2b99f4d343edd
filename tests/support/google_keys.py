"""Private keys for tests, made once per run, and the forms in which people write service accounts down."""

from __future__ import annotations

import functools
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

EMAIL = "sa@my-project.iam.gserviceaccount.com"


@functools.cache
def rsa_pem() -> str:
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


@functools.cache
def rsa_pem_pkcs1() -> str:
    """The same key as `rsa_pem`, in the older form with BEGIN RSA PRIVATE KEY."""
    key = serialization.load_pem_private_key(rsa_pem().encode(), None)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@functools.cache
def ec_pem() -> str:
    return _pem(ec.generate_private_key(ec.SECP256R1()))


@functools.cache
def encrypted_pem() -> str:
    key = serialization.load_pem_private_key(rsa_pem().encode(), None)
    secret = serialization.BestAvailableEncryption(b"secret")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret).decode()


def info(**changes: Any) -> dict[str, Any]:
    """Google's JSON of a service account; None takes a field out."""
    whole = {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "1",
        "private_key": rsa_pem(),
        "client_email": EMAIL,
        "token_uri": "https://oauth2.googleapis.com/token",
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def entry(project: str = "my-project", email: str = EMAIL, region: str = "us-east5", key: str | None = None) -> str:
    """One account as in GCP_CREDENTIALS, its line breaks as `\\n`."""
    return f"{project}:{email}:{region}:{(key or rsa_pem()).replace(chr(10), chr(92) + 'n')}"


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

"""Keys of the fake cloud, made afresh: a service account's, and a certificate for its own address."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

NAMES = (
    *("localhost", "cloud.test", "tokens.test", "*.googleapis.com", "*.us-east-1.amazonaws.com"),
    *("*.openai.azure.com", "*.services.ai.azure.com"),
)
"""What a fake cloud may be reached by."""


@functools.cache
def account_key() -> tuple[str, str]:
    """A fresh RSA key for this process: the private and the public half, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Writes a certificate for 127.0.0.1 and some names, its own CA: `(CA file, certificate with its key)`."""
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"fake cloud {secrets.token_hex(4)}")])
    names = [
        *map(x509.DNSName, NAMES),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    ca_file, chain = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(signed)
    chain.write_bytes(signed + private)
    return ca_file, chain

"""The certificate with which the vendors speak https on this machine, made on first use."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "127.0.0.1", "::1")
LIFE, RENEWED_BEFORE = timedelta(days=397), timedelta(days=30)  # browsers take no longer life
EARLIER = timedelta(days=1)  # for clients whose clock is behind


class NoCertificate(Exception):
    """The folder of the certificate cannot be used; says why, and what to name instead."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where the certificate lies; clients trust ``ca_file``."""

    ca_file: Path  # PEM: the authority's certificate, for REQUESTS_CA_BUNDLE or verify=
    chain_file: Path  # PEM: the servers' key and certificate
    is_new: bool = False

    def context(self) -> ssl.SSLContext:
        """What a server needs to speak TLS 1.2 and up."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain_file)
        return context


def certificate_in(folder: Path, hosts: Sequence[str] = ()) -> Certificate:
    """The certificate kept in a folder; a new one where there is none, or one that soon ends or lacks a host.

    ``hosts`` are names beside localhost. The authority signs this one certificate, and its key is never
    written: trusting it lets nobody sign another. Raises ``NoCertificate``.
    """
    names = tuple(dict.fromkeys((*NAMES, *hosts)))
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it may hold accounts beside
        folder.mkdir(mode=0o700, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two sandboxes may start at once
            kept = Certificate(folder / "ca.pem", folder / "server.pem")
            if _is_good(kept, names):
                return kept
            authority, chain = _made(names, datetime.now(UTC))
            _write(kept.chain_file, chain)
            _write(kept.ca_file, authority)
    except OSError as error:
        fix = "Name another folder with LEADRELAY_SANDBOX_TLS_FOLDER."
        raise NoCertificate(f"No certificate can be kept in {folder}: {error.strerror}. {fix}") from error
    return Certificate(kept.ca_file, kept.chain_file, is_new=True)


def _is_good(kept: Certificate, names: Iterable[str]) -> bool:
    """Whether what is kept can be read, belongs together, names all hosts and lasts a while."""
    try:
        authority = x509.load_pem_x509_certificate(kept.ca_file.read_bytes())
        leaf = x509.load_pem_x509_certificate(kept.chain_file.read_bytes())
        leaf.verify_directly_issued_by(authority)
        kept.context()
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    told = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    lasts = leaf.not_valid_after_utc - datetime.now(UTC) > RENEWED_BEFORE
    return lasts and {_general(name) for name in names} <= set(told)


def _made(names: Iterable[str], now: datetime) -> tuple[bytes, bytes]:
    """An authority's certificate; the servers' key with their certificate."""
    signer, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _named("leadrelay sandbox authority"), _named("leadrelay sandbox")
    authority = (
        _begun(issuer, issuer, signer.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    leaf = (
        _begun(subject, issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return authority.public_bytes(pem), secret + leaf.public_bytes(pem)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + LIFE)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner alone."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)

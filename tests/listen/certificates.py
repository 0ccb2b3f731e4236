"""Certificates of an authority that is made for a test, and what a sender shows with one of them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.listen import listening


@dataclass(frozen=True)
class Authority:
    """Who signs: its key, its own certificate, and the folder in which its files are."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.pem"

    def sign(self, name: str, *, days: tuple[int, int] = (-1, 9)) -> tuple[Path, Path, str]:
        """A certificate and its key as files, and its SHA-256; it holds from and to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _made(name, key, self.name, self.key, days, is_authority=False)
        of_certificate, of_key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        of_certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        of_key.write_bytes(_secret(key))
        return of_certificate, of_key, made.fingerprint(hashes.SHA256()).hex()

    def shown(self, name: str, trusting: Path, *, days: tuple[int, int] = (-1, 9)) -> ssl.SSLContext:
        """What a sender of that name shows, who trusts those whom the file names."""
        context = ssl.create_default_context(cafile=str(trusting))
        of_certificate, of_key, _ = self.sign(name, days=days)
        context.load_cert_chain(of_certificate, of_key)
        return context


def authority(folder: Path, name: str) -> Authority:
    """A new authority."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    found = Authority(folder, name, key, _made(name, key, name, key, (-1, 9), is_authority=True))
    found.file.write_bytes(found.certificate.public_bytes(serialization.Encoding.PEM))
    return found


def _secret(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _made(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signs: ec.EllipticCurvePrivateKey, days: tuple[int, int], *, is_authority: bool
) -> x509.Certificate:  # fmt: skip
    now = datetime.now(UTC)
    subject, by = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, issuer))
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(by).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()), critical=False)
    )  # fmt: skip
    if is_authority:
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(signs, hashes.SHA256())


def site_over_tls(folder: Path, signed: Authority, **limits: float) -> Path:
    """A site whose listener asks for certificates of that authority, and one sender that it knows as `lis.hospital`."""
    certificate, key, _ = signed.sign("listener")
    files = "".join(
        f'{name} = "{path}"\n'
        for name, path in (("certificate", certificate), ("key", key), ("authority", signed.file))
    )
    root = listening.site(folder / "site", files, **limits)
    listening.sender(root, addresses=None, certificates=["lis.hospital"])
    return root

"""Seals what must not lie in the store in clear; the key is the environment's and is never stored."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from model.errors import LeadRelayError

MAKE_ONE = "`leadrelay secrets key` prints a new one"


class SealError(LeadRelayError):
    """Something cannot be sealed or opened with the keys at hand; says what to do."""


class Vault:
    """Seals with the first key and opens with any of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take keys as ``parse_keys`` returns them; without one nothing can be sealed or opened."""
        self._all = [Fernet(key) for key in keys]
        self._fernet = MultiFernet(self._all) if self._all else None

    def __repr__(self) -> str:
        return f"Vault({len(self._all)} keys)"

    @property
    def has_key(self) -> bool:
        """Say whether there is a key at all."""
        return self._fernet is not None

    def seal(self, plain: Mapping[str, str]) -> str:
        """Seal a few texts together. Raises ``SealError`` without a key."""
        return self._keys("sealed").encrypt(json.dumps(dict(plain)).encode()).decode()

    def open(self, sealed: str) -> dict[str, str]:
        """Open what was sealed. Raises ``SealError`` when no key fits."""
        return self._read(self._keys("opened"), sealed)

    def reseal(self, sealed: str) -> str:
        """Seal anew with the first key. Raises ``SealError`` when no key fits."""
        return self.seal(self.open(sealed))

    def is_newest(self, sealed: str) -> bool:
        """Say whether the first key opens it."""
        try:
            self._read(self._all[0], sealed)
        except (SealError, IndexError):
            return False
        return True

    def _keys(self, act: str) -> MultiFernet:
        if self._fernet is None:
            raise SealError(f"LEADRELAY_SECRET_KEY is not set, so nothing can be {act}; {MAKE_ONE}")
        return self._fernet

    @staticmethod
    def _read(key: Fernet | MultiFernet, sealed: str) -> dict[str, str]:
        try:
            plain: dict[str, str] = json.loads(key.decrypt(sealed.encode()))
        except InvalidToken:
            raise SealError(
                "no key in LEADRELAY_SECRET_KEY opens it; set the key it was sealed with, beside the new one"
            ) from None
        return plain


def parse_keys(text: str) -> list[str]:
    """Return the keys of a list with commas or line ends between them.

    Raises ``ValueError``, which counts the keys and quotes none.
    """
    keys = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            which = f"key {number} of {len(keys)}" if len(keys) > 1 else "it"
            raise ValueError(f"{which} is no key: 32 bytes in URL-safe base64; {MAKE_ONE}") from None
    return keys


def new_key() -> str:
    """Return a new random key."""
    return Fernet.generate_key().decode()

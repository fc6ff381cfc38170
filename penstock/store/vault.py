"""Secrets at rest: encrypted with a key file that lies beside the database, readable by its owner only."""

import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken


class WrongKey(Exception):
    """The key file is damaged, or not the one that these secrets were encrypted with."""


class Vault:
    def __init__(self, key: bytes) -> None:
        """Take the key of a key file; raises `WrongKey` when it is none."""
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise WrongKey("the key file does not hold a key; restore it from a backup") from error

    def encrypt(self, secret: str) -> bytes:
        return self._fernet.encrypt(secret.encode())

    def decrypt(self, encrypted: bytes) -> str:
        """Give the secret back; raises `WrongKey`."""
        try:
            return self._fernet.decrypt(encrypted).decode()
        except InvalidToken as error:
            raise WrongKey("the key file is not the one that the stored secrets were encrypted with") from error


def open_vault(key_file: Path) -> Vault:
    """Open the vault of this key file, which is made when it is missing."""
    if not key_file.exists():
        _make(key_file)
    return Vault(key_file.read_bytes())


def _make(key_file: Path) -> None:
    """Make the file whole or not at all, and one of several that try at the same time wins."""
    with tempfile.NamedTemporaryFile(dir=key_file.parent, prefix="secret-") as part:  # for its owner only
        part.write(Fernet.generate_key())
        part.flush()
        os.fsync(part.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part.name, key_file)

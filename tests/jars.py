"""Small jars for tests."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path


def jar_of(entries: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, text in entries.items():
            archive.writestr(zipfile.ZipInfo(name), text, compression)
    return content.getvalue()


def put(folder: Path, address: str, content: bytes) -> str:
    """Write an object into a bucket that is a folder, and give its address."""
    file = folder / address.removeprefix("obs://")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return address

"""Bytes that are no page: images, archives and the like, told by their first bytes."""

from typing import Final

SIGNATURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "RIFF media"),
    (b"%PDF-", "PDF"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    (b"\x7fELF", "ELF"),
    (b"wOFF", "WOFF font"),
    (b"wOF2", "WOFF2 font"),
    (b"\x00\x00\x01\x00", "icon"),
)

SAMPLE: Final = 2048
_CONTROLS: Final = bytes(code for code in range(32) if code not in b"\t\n\f\r\x1b\x00")


def foreign_kind(data: bytes) -> str | None:
    """What the bytes are if they are no page; None for text, or what may be text.

    >>> foreign_kind(b"%PDF-1.7 ...")
    'PDF'
    """
    for signature, name in SIGNATURES:
        if data.startswith(signature):
            return name
    sample = data[:SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    return "binary data" if controls > len(sample) * 0.1 else None

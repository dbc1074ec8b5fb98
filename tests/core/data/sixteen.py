"""Files of 16 bits a channel, which Pillow doesn't write: PNG with every filter of its standard, and plain TIFF."""

import struct
import zlib

import numpy as np

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}  # bands -> PNG's colour type


def png(values: np.ndarray) -> bytes:
    """values: [H, W, 1 to 4], 0..65535. Row after row takes the next of the five filters."""
    height, width, bands = values.shape
    size = 2 * bands  # bytes of a pixel
    raw = np.zeros((height + 1, (width + 1) * size), int)  # a row above and a pixel before, of zeros
    raw[1:, size:] = np.frombuffer(values.astype(">u2").tobytes(), np.uint8).reshape(height, -1)
    here, left, above, corner = raw[1:, size:], raw[1:, :-size], raw[:-1, size:], raw[:-1, :-size]
    guess = left + above - corner
    far = np.abs(np.stack([guess - left, guess - above, guess - corner]))
    paeth = np.choose(far.argmin(0), [left, above, corner])
    predicted = np.stack([np.zeros_like(here), left, above, (left + above) // 2, paeth])
    kind = np.arange(height) % 5
    rows = (here - predicted[kind, np.arange(height)]) % 256
    packed = zlib.compress(np.column_stack([kind, rows]).astype(np.uint8).tobytes())
    head = struct.pack(">IIBBBBB", width, height, 16, KINDS[bands], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def tiff(values: np.ndarray, order: str = "<") -> bytes:
    """values: uint16 or uint32 [H, W, bands], one strip, not packed. order: `<`, lowest byte first, or `>`."""
    height, width, bands = values.shape
    content = values.astype(values.dtype.newbyteorder(order)).tobytes()
    wide = bands > 2  # then the bits of every band don't fit into their entry
    entries = [(256, width), (257, height), (258, 8 * values.itemsize), (259, 1), (262, 2 if wide else 1)]
    start = 8 + 2 + 12 * (9 + (bands == 4)) + 4
    entries += [(273, start + 2 * bands * wide), (277, bands), (278, height), (279, len(content))]
    entries += [(338, 2)] if bands == 4 else []  # unassociated opacity
    folder = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in entries if tag != 258)
    bits = struct.pack(order + "HHI", 258, 3, bands) + (
        struct.pack(order + "I", start) if wide else struct.pack(order + "HH", 8 * values.itemsize, 0)
    )
    folder = folder[:24] + bits + folder[24:]  # entries stand in the order of their tags
    more = struct.pack(order + "H", 8 * values.itemsize) * bands if wide else b""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return head + folder + struct.pack(order + "I", 0) + more + content

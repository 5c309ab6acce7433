"""Hashes as the README of host/engine has them: MurmurHash3_x64_128 (Appleby), whole blocks, halves seeded alike."""

import struct

MASK = (1 << 64) - 1


def rotate(x, r):
    return ((x << r) | (x >> (64 - r))) & MASK


def final_mix(k):
    k ^= k >> 33
    k = k * 0xFF51AFD7ED558CCD & MASK
    k ^= k >> 33
    k = k * 0xC4CEB9FE1A85EC53 & MASK
    return k ^ (k >> 33)


def murmur(seed, words):
    """Hash of an even number of 64-bit words: (low, high)."""
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = seed
    for i in range(0, len(words), 2):
        h1 ^= rotate(words[i] * c1 & MASK, 31) * c2 & MASK
        h1 = ((rotate(h1, 27) + h2) * 5 + 0x52DCE729) & MASK
        h2 ^= rotate(words[i + 1] * c2 & MASK, 33) * c1 & MASK
        h2 = ((rotate(h2, 31) + h1) * 5 + 0x38495AB5) & MASK
    h1 ^= 8 * len(words)
    h2 ^= 8 * len(words)
    h1 = (h1 + h2) & MASK
    h2 = (h2 + h1) & MASK
    h1, h2 = final_mix(h1), final_mix(h2)
    h1 = (h1 + h2) & MASK
    return h1, (h2 + h1) & MASK


def digits(digest):
    return f"{digest[1]:016x}{digest[0]:016x}"


def bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def bytes_digest(data):
    padded = data + b"\0" * (-len(data) % 16)
    return murmur(len(data), struct.unpack(f"<{len(padded) // 8}Q", padded))


def field_digest(name, kind, data):
    words = [*bytes_digest(name.encode()), kind, len(data)]
    for at in range(0, len(data), 1 << 20):
        words += bytes_digest(data[at : at + (1 << 20)])
    return murmur(0, words)

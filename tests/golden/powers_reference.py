#!/usr/bin/env python3
"""Prints the digest of powers_golden_test.cu: host/base's powers.hpp again, in Python's IEEE doubles.

Written from the header's description, not by running it: the series, their order of terms and the splitting are
the contract, since another order gives other bits.

example: python3 tests/golden/powers_reference.py
"""
import math
import struct
from fractions import Fraction

MASK = (1 << 64) - 1
LN2 = float.fromhex("0x1.62e42fefa39efp-1")
TWO_OVER_LN2 = float.fromhex("0x1.71547652b82fep+1")
ROOT_OF_TWO = float.fromhex("0x1.6a09e667f3bcdp+0")


def split(x):
    mantissa, exponent = math.frexp(x)  # [1/2, 1): half of what the header's bits say
    mantissa, exponent = 2.0 * mantissa, exponent - 1
    return (exponent, mantissa) if mantissa < ROOT_OF_TWO else (exponent + 1, 0.5 * mantissa)


def horner(terms, z):
    total = 0.0
    for term in terms:
        total = (total + float(term)) * z
    return total


def log2_of_mantissa(m):
    s = (m - 1.0) / (m + 1.0)
    total = horner([Fraction(1, k) for k in range(23, 1, -2)], s * s)
    return s * TWO_OVER_LN2 + s * TWO_OVER_LN2 * total


def exp2_of_fraction(f):
    t = f * LN2
    total = horner([Fraction(1, math.factorial(k)) for k in range(14, 1, -1)], t)
    return 1.0 + (t + t * total)


def nearest(y):
    return int(y - 0.5 if y < 0.0 else y + 0.5)


def log2(x):
    exponent, mantissa = split(x)
    return float(exponent) + log2_of_mantissa(mantissa)


def exp2(y):
    return math.ldexp(exp2_of_fraction(y - float(nearest(y))), nearest(y))


def power(x, e):
    exponent, mantissa = split(x)
    scaled = (2.0**27 + 1.0) * e
    high = scaled - (scaled - e)
    exact = float(exponent) * high
    rest = float(exponent) * (e - high) + e * log2_of_mantissa(mantissa)
    n = nearest(exact + rest)
    return math.ldexp(exp2_of_fraction((exact - float(n)) + rest), n)


def mix64(k):
    k ^= k >> 33
    k = k * 0xFF51AFD7ED558CCD & MASK
    k ^= k >> 33
    k = k * 0xC4CEB9FE1A85EC53 & MASK
    return k ^ k >> 33


def rotate(x, r):
    return (x << r | x >> (64 - r)) & MASK


def murmur(words):
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = 0
    for k1, k2 in zip(words[::2], words[1::2]):
        h1 ^= rotate(k1 * c1 & MASK, 31) * c2 & MASK
        h1 = ((rotate(h1, 27) + h2) * 5 + 0x52DCE729) & MASK
        h2 ^= rotate(k2 * c2 & MASK, 33) * c1 & MASK
        h2 = ((rotate(h2, 31) + h1) * 5 + 0x38495AB5) & MASK
    length = 8 * len(words)
    a, b = h1 ^ length, h2 ^ length
    a = a + b & MASK
    b = b + a & MASK
    a, b = mix64(a), mix64(b)
    a = a + b & MASK
    b = b + a & MASK
    return f"{b:016x}{a:016x}"


def main():
    bits = []
    for i in range(4096):
        x = (1.0 + (i * 40503 % 65536) / 65536.0) * float(1 << (i % 60))
        y = (i * 30011 % 65536) / 61.0 - 512.0
        bits += [struct.unpack("<Q", struct.pack("<d", v))[0] for v in (power(x, 0.45), log2(x), exp2(y))]
    print(murmur(bits))


if __name__ == "__main__":
    main()

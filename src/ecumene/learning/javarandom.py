"""Java's ``java.util.Random``: choices that a seed decides fall as in the libraries that the service uses."""

from __future__ import annotations

_MULTIPLIER = 0x5DEECE66D
_MASK = (1 << 48) - 1


class JavaRandom:
    """The linear congruential generator that Java's documentation specifies, state and methods alike."""

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def bits(self, count: int) -> int:
        """The next ``count`` bits as a signed 32-bit integer."""
        self._state = (self._state * _MULTIPLIER + 0xB) & _MASK
        found = self._state >> (48 - count)
        return found - (1 << 32) if found >= 1 << 31 else found

    def below(self, bound: int) -> int:
        """``nextInt(bound)``: uniform in ``[0, bound)``."""
        if bound & -bound == bound:
            return (bound * self.bits(31)) >> 31
        while True:
            drawn = self.bits(31)
            value = drawn % bound
            if drawn - value + bound - 1 < 1 << 31:
                return value

    def integer(self) -> int:
        """``nextInt()``: any 32-bit integer."""
        return self.bits(32)

    def real(self) -> float:
        """``nextDouble()``: uniform in ``[0, 1)``."""
        return float((self.bits(26) << 27) + self.bits(27)) * 2.0**-53

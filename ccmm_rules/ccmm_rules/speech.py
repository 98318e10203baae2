"""One of the two languages, and lengths of time in it."""

from dataclasses import dataclass

from ccmm_rules.spec import DAY_MS, HOUR_MS, Window

_UNITS = {
    "h": ("hours", "小时"),
    "d": ("days", "天"),
    "w": ("weeks", "周"),
    "mo": ("months", "个月"),
    "q": ("quarters", "个季度"),
    "m": ("minutes", "分钟"),
    "s": ("seconds", "秒"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A language, and how many characters a filter or test may take before it is left out; the test of a partner."""

    language: str
    longest: int = 90
    longest_pair: int = 150

    def pick(self, en: str, zh: str) -> str:
        return en if self.language == "en" else zh

    def fits(self, text: str) -> bool:
        return self._within(text, self.longest)

    def fits_pair(self, text: str) -> bool:
        return self._within(text, self.longest_pair)

    def _within(self, text: str, most: int) -> bool:
        return len(text) <= (most if self.language == "en" else most * 2 // 3)


def length_words(text: str, speech: Speech) -> str:
    """`15m` as "15 minutes"."""
    digits = text.rstrip("dhmoqsw")
    en, zh = _UNITS[text[len(digits) :]]
    return speech.pick(f"{digits} {en.removesuffix('s') if digits == '1' else en}", f"{digits} {zh}")


def age_words(ms: int, speech: Speech) -> str:
    """A span in the greatest unit that measures it whole: "26 hours", "7 days"."""
    for unit, size in (("d", DAY_MS), ("h", HOUR_MS), ("m", HOUR_MS // 60)):
        if ms % size == 0 and (unit != "d" or ms > DAY_MS):
            return length_words(f"{ms // size}{unit}", speech)
    return length_words(f"{ms // 1000}s", speech)


def window_words(window: Window | None, speech: Speech) -> str:
    """ " over 30 days", "近 30 天"; empty where there is none."""
    if window is None:
        return ""
    length = length_words(f"{window.count}{window.unit}", speech)
    return speech.pick(f" over {length}", f"近 {length}")

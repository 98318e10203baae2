"""One of the two languages, and lengths of time in it."""

from dataclasses import dataclass

from ccmm_rules.spec import Window

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
    """A language, and how many characters a filter or test may take before it is left out."""

    language: str
    longest: int = 90

    def pick(self, en: str, zh: str) -> str:
        return en if self.language == "en" else zh

    def fits(self, text: str) -> bool:
        return len(text) <= (self.longest if self.language == "en" else self.longest * 2 // 3)


def length_words(text: str, speech: Speech) -> str:
    """`15m` as "15 minutes"."""
    digits = text.rstrip("dhmoqsw")
    en, zh = _UNITS[text[len(digits) :]]
    return speech.pick(f"{digits} {en.removesuffix('s') if digits == '1' else en}", f"{digits} {zh}")


def window_words(window: Window | None, speech: Speech) -> str:
    """ " over 30 days", "近 30 天"; empty where there is none."""
    if window is None:
        return ""
    length = length_words(f"{window.count}{window.unit}", speech)
    return speech.pick(f" over {length}", f"近 {length}")

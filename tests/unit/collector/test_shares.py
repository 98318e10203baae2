"""Which judge judges a center, and the news that the first one tells the others."""

import doctest

from hypothesis import given
from hypothesis import strategies as st

from ccmm_collector import shares
from ccmm_collector.project import ALL
from ccmm_collector.shares import WHOLE, News, Share

names = st.text(min_size=1, max_size=20)
feeds = st.dictionaries(names, st.sets(st.sampled_from([ALL, "call", "用户"])), max_size=4)
told = st.builds(News, st.integers(-1, 10**9), feeds, st.booleans())


def test_the_examples_hold() -> None:
    assert doctest.testmod(shares).failed == 0


@given(name=names, of=st.integers(1, 8))
def test_each_center_has_exactly_one_judge(name: str, of: int) -> None:
    assert sum(Share(number, of).has(name) for number in range(of)) == 1
    assert WHOLE.has(name)


def test_many_centers_are_shared_about_evenly() -> None:
    mine = sum(Share(1, 4).has(f"center-{number:04}") for number in range(4000))
    assert 900 < mine < 1100


@given(news=told)
def test_news_goes_through_a_pipe_unchanged_as_one_line(news: News) -> None:
    assert News.of_line(news.line()) == news
    assert news.line().count(b"\n") == 1


@given(first=told, second=told)
def test_two_pieces_of_news_in_one_lose_nothing(first: News, second: News) -> None:
    both = second.after(first)
    assert (both.position, both.acts) == (second.position, first.acts or second.acts)
    for name in {*first.feeds, *second.feeds}:
        assert both.feeds[name] == first.feeds.get(name, set()) | second.feeds.get(name, set())
    assert News.of_line(first.line()) == first  # and neither is changed by it


@given(news=told, of=st.integers(1, 4))
def test_each_judge_is_told_of_its_centers_alone(news: News, of: int) -> None:
    parts = [news.of_share(Share(number, of)) for number in range(of)]
    assert sorted(name for part in parts for name in part.feeds) == sorted(news.feeds)
    assert {(part.position, part.acts) for part in parts} == {(news.position, news.acts)}

from ccmm_collector.folds import Kept


def test_what_is_kept_is_made_once() -> None:
    kept: Kept[list[int]] = Kept(100)
    made = []

    def make() -> list[int]:
        made.append(1)
        return [1, 2, 3]

    assert kept.get("a", make) == kept.get("a", make) == [1, 2, 3]
    assert made == [1]


def test_what_was_not_used_longest_goes_first_and_an_empty_answer_counts_too() -> None:
    kept: Kept[list[int]] = Kept(10)
    for name in "abc":
        kept.get(name, lambda: [0, 0])
    kept.get("a", lambda: [9])
    kept.get("d", lambda: [0, 0])  # 12 with their own weight: one has to go
    assert kept.get("a", lambda: [9]) == [0, 0]
    assert kept.get("b", lambda: [9]) == [9]


def test_one_answer_larger_than_all_room_is_still_given() -> None:
    kept: Kept[list[int]] = Kept(2)
    assert kept.get("big", lambda: list(range(50))) == list(range(50))
    assert kept.get("next", lambda: [1]) == [1]
    assert kept.get("big", lambda: [2]) == [2]

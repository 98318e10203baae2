from pathlib import Path

import pytest

from ccmm_proto.histogram import WAIT_BOUNDS_S
from ccmm_proto.kinds import KINDS, Attribute, Type
from ccmm_proto.measures import MEASURES
from ccmm_rules.rowlanguage import row_names
from ccmm_rules.vocabulary.tables import FORMULAS, load_vocabulary
from ccmm_rules.vocabulary_page import formula_text, vocabulary_page

SHAPES_OF_PARTS = {
    "count": ("count", "sum", "histogram"),
    "total": ("sum", "histogram"),
    "within": ("histogram",),
    "buckets": ("histogram",),
    "gauge": ("gauge",),
}


def _word(attribute: Attribute) -> str:
    return f"@{attribute.sort}" if attribute.type is Type.PSEUDONYM else attribute.type.value


def test_kinds_are_word_for_word_those_of_the_contract() -> None:
    ours = load_vocabulary().kinds
    assert list(ours) == list(KINDS)
    for name, kind in KINDS.items():
        assert ours[name].form == kind.form.value
        assert ours[name].key == (f"@{kind.key}" if kind.key else "text")
        assert ours[name].roll == kind.roll
        found = {key: (attribute.word, attribute.optional) for key, attribute in ours[name].attributes.items()}
        assert found == {key: (_word(attribute), attribute.optional) for key, attribute in kind.attributes.items()}


def test_measures_are_word_for_word_those_of_the_contract() -> None:
    ours = load_vocabulary().measures
    assert list(ours) == list(MEASURES)
    for name, measure in MEASURES.items():
        dimensions = {key: f"@{sort}" if sort else "text" for key, sort in measure.dimensions.items()}
        assert (ours[name].shape, ours[name].period_s, ours[name].unit) == (
            measure.shape.value,
            measure.period_s,
            measure.unit,
        )
        assert dict(ours[name].dimensions) == dimensions


def test_bucket_bounds_are_those_of_the_contract() -> None:
    assert load_vocabulary().wait_bounds_s == tuple(float(bound) for bound in WAIT_BOUNDS_S)


def test_every_word_list_and_seconds_name_stands_on_an_attribute() -> None:
    vocabulary = load_vocabulary()
    for name in (*vocabulary.words, *vocabulary.seconds):
        kind, attribute = name.split(".")
        assert attribute in vocabulary.kinds[kind].known, name


def test_every_word_list_of_a_dimension_holds_what_definitions_name() -> None:
    vocabulary = load_vocabulary()
    used = {name: sort for measure in vocabulary.measures.values() for name, sort in measure.dimensions.items()}
    assert {used[name] for name in vocabulary.dimensions} == {"text"}
    named = [(name, word) for metric in vocabulary.metrics.values() for name, word in metric.where]
    assert {name for name, _ in named} == {"channel", "quantity"}
    assert all(word in vocabulary.dimensions[name] for name, word in named)


@pytest.mark.parametrize("metric", sorted(load_vocabulary().metrics))
def test_a_metric_divides_measures_that_exist_within_bounds_that_exist(metric: str) -> None:
    vocabulary = load_vocabulary()
    found = vocabulary.metrics[metric]
    assert found.better in ("up", "down", "band")
    assert found.formula in FORMULAS
    assert (found.formula in ("ratio", "mean", "gap", "chi2_p")) == bool(found.under)
    assert {name for name, _ in found.where} <= found.dimensions
    assert set(found.titles) == {"en", "zh"}
    for term in (*found.over, *found.under):
        assert term.measure in vocabulary.measures
        if term.part == "within":
            assert term.bound_s in vocabulary.wait_bounds_s
            assert vocabulary.measures[term.measure].shape == "histogram"
        assert vocabulary.measures[term.measure].shape in SHAPES_OF_PARTS[term.part]


def test_hashes_of_definitions_differ_and_leave_titles_out() -> None:
    metrics = load_vocabulary().metrics.values()
    assert len({metric.hash for metric in metrics}) == len(metrics)


def test_rows_offer_ages_of_times_and_presence_of_what_may_be_absent() -> None:
    names = row_names(load_vocabulary().kinds["incident"])
    assert names["detected_minutes"] == "double"
    assert names["detected_days"] == "int"
    assert names["has_restored"] == "bool"
    assert names["lasted_hours"] == "int"
    assert "detected_minutes" not in row_names(load_vocabulary().kinds["person"])


def test_every_measure_says_what_it_counts_in_both_languages() -> None:
    measures = load_vocabulary().measures.values()
    assert all(set(measure.titles) == {"en", "zh"} for measure in measures)
    assert len({measure.titles["zh"] for measure in measures} | {measure.titles["en"] for measure in measures}) > 200


def test_every_measure_is_part_of_a_metric() -> None:
    vocabulary = load_vocabulary()
    used = {measure for metric in vocabulary.metrics.values() for measure in metric.measures}
    assert sorted(set(vocabulary.measures) - used) == ["calls_abandoned"]  # rules ask for its coverage


def test_the_page_of_the_vocabulary_is_as_its_files_make_it() -> None:
    page = Path(__file__).parents[3] / "docs" / "vocabulary.md"
    assert page.read_text(encoding="utf-8") == vocabulary_page(load_vocabulary()), (
        "run: python -m ccmm_rules.vocabulary_page > docs/vocabulary.md"
    )


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ("answer_rate", "calls_answered / calls_offered × 100"),
        ("asa", "sum of wait_answered / number of wait_answered"),
        ("wait_p90", "P90 of wait_answered + wait_abandoned"),
        ("nps", "(nps_promoters − nps_detractors) / (nps_promoters + nps_passives + nps_detractors) × 100"),
        ("ces", "effort_points / number of effort_points"),
        ("forecast_wape", "\\|forecast_contacts − calls_offered\\| / calls_offered × 100, per day"),
        ("team_occupancy", "handling_time / (handling_time + ready_time) × 100"),
        ("fcr", "issues_resolved_first / issues × 100, settles 168 h"),
        ("rack_humidity", "range of reading, where quantity rack_humidity, unread if unchanged for more than 6 h"),
        ("qa_randomness", "p of chi-square, qa_cells against recorded_cells"),
    ],
)
def test_a_formula_is_told_in_words(metric: str, text: str) -> None:
    assert formula_text(load_vocabulary().metrics[metric]) == text

"""The vocabulary as one page of the docs, made from its files.

python -m ccmm_rules.vocabulary_page > docs/vocabulary.md
"""

from collections.abc import Iterator

from ccmm_rules.naming import attribute_title, kind_title, word_title
from ccmm_rules.vocabulary.tables import AttributeType, Kind, Measure, Metric, Term, Vocabulary, load_vocabulary

INTRODUCTION = """# Vocabulary

What a rule may name, made from `ccmm_rules/ccmm_rules/vocabulary/`: metrics, the measures they divide, kinds of rows,
closed word lists and the scope questions of a center. Counts travel and the collector divides, once; `< T` is read as
`<= T`.
"""
METRICS = """## Metrics

Better: up, down, or inside a band. A metric is read when its figures have settled (2 h unless said). `A: within 20 s`
counts what a histogram holds up to that bound; `per day` takes a gap day by day, so that days do not make up for each
other.
"""
MEASURES = """## Measures

A slot is a UTC quarter hour, five minutes (probes) or a day. Every measure may be fed by the source `figures` where no
plugin reads it. `@person` and the like leave the center as pseudonyms only.
"""
KINDS = """## Kinds

Each name is followed by its type and by what it is called in Chinese. `?` may be absent, `@sort` is a pseudonym, † is
computed by the engine and never travels. Where an attribute has a word list, rules compare it with those words only.
For every time attribute `t` tests may use `t_days` and `t_hours`, and for what may be absent `has_t`; occurrences also
have `started`, `ended`, `open`, `lasted_minutes`, `lasted_hours`, `lasted_days`, `local_hour` and `nights`.
"""
DIMENSIONS = """## Dimensions

What a measure is split by. `where` of a rule names the words of a list only; a dimension without a list takes any word,
so that a misspelt one finds nothing there. No rule names a pseudonym.
"""
DERIVED = """## Rows that the engine makes

Read as `occurrences:`, alone or in a `match`; `over` is needed.

- `breach.METRIC`, with `every`, `meets` (a number, a band or `target`), `split`, `by`: a run of slots beyond `meets`;
  with `split: true` each slot. `metric`, `worst`, `slots` (how many), with `by` also `group`.
- `signal.METRIC`, with `every`, `by`: a point beyond the limits of its XmR chart, which needs 8 points. `metric`,
  `sigma` (negative below the mean), with `by` also `group`.
- `breach.LIST` and `signal.LIST`, as `breach.key_kpis`: the same of each metric that a scope answer names, by `day`,
  `week`, `month` or `quarter`, and against the center's own targets.
- `change.INVENTORY`: an attribute that differs between two lists, or `entry_added`, `entry_removed`. The attributes of
  the inventory, `key` (and `path` where it is a text), `attribute`, `before`, `after`, `lowered` (easier to reach: a
  smaller number, of a metric where less is better a larger one, or none any more) and `metric`.
- `silence`: time in which a source that was due told nothing. `source`, `class` (its plugin).

`by` names a dimension of the metric: in a `match` it stands inside the row set, else beside `occurrences`, where rows
are counted by it, too. `change.register` also holds what the center answered otherwise than before: `key_kpis` as lines
of the register `key_kpi`, targets as lines of `target` (`number`), each other scope answer as a line of `scope`.
"""
PROFILE = """## Scope questions

Answered by the center, signed; an unanswered or expired answer is `missing`. `open_hours` are answers like
`mon-fri 08:00-20:00` and `sat,sun 09:00-17:30`, on the center's clock; one malformed answer leaves all of them
unanswered. Beside these a center answers `target.METRIC` (a band: `target.METRIC.low` and `.high`), its own target.
"""
_SLOTS = {300: "5 min", 900: "15 min", 86400: "day"}


def vocabulary_page(vocabulary: Vocabulary) -> str:
    """Markdown, the same bytes each time."""
    return "\n".join(
        [
            INTRODUCTION,
            *_metrics(vocabulary),
            *_measures(vocabulary),
            *_dimensions(vocabulary),
            *_kinds(vocabulary),
            DERIVED,
            *_profile(vocabulary),
        ]
    )


def _metrics(vocabulary: Vocabulary) -> Iterator[str]:
    yield METRICS
    yield "| metric | meaning | 含义 | unit | better | made of | by |"
    yield "|---|---|---|---|---|---|---|"
    for metric in sorted(vocabulary.metrics.values(), key=lambda metric: metric.id):
        by = ", ".join(sorted(metric.dimensions))
        cells = (metric.titles["en"], metric.titles["zh"], metric.unit, metric.better, formula_text(metric), by)
        yield f"| `{metric.id}` | {' | '.join(cells)} |"
    yield ""


def formula_text(metric: Metric) -> str:
    """In words: `calls_answered / calls_offered × 100`."""
    divided = bool(metric.under)
    over, under = _sum_text(metric.over, divided=divided), _sum_text(metric.under, divided=divided)
    text = {
        "percentile": f"P{metric.percentile:g} of {over}",
        "count": over,
        "gap": f"\\|{over} − {under}\\| / {under}",
        "chi2_p": f"p of chi-square, {over} against {under}",
    }.get(metric.formula, f"{over} / {under}" if under else f"{metric.formula} of {over}")
    where = ", ".join(f"{name} {word}" for name, word in metric.where)
    notes = [
        f"× {metric.scale:g}" if metric.scale != 1 else "",
        f"where {where}" if where else "",
        f"per {metric.grain}" if metric.grain else "",
        f"settles {metric.settle_ms // 3_600_000} h" if metric.settle_ms != 7_200_000 else "",
        f"unread if unchanged for more than {metric.flat_ms // 3_600_000} h" if metric.flat_ms else "",
    ]
    return ", ".join(note for note in [text, *notes] if note).replace(", ×", " ×")


def _sum_text(terms: tuple[Term, ...], *, divided: bool) -> str:
    text = " ".join(f"{'−' if term.sign < 0 else '+'} {_term_text(term)}" for term in terms).removeprefix("+ ")
    return f"({text})" if divided and len(terms) > 1 else text


def _term_text(term: Term) -> str:
    """What is not the plain count, or the plain sum, of a measure is said."""
    plain = {"count": "count", "total": "sum", "buckets": "histogram", "gauge": "gauge"}.get(term.part)
    shape = load_vocabulary().measures[term.measure].shape
    if term.part == "within":
        return f"{term.measure}: within {term.bound_s:g} s"
    if shape == plain:
        return term.measure
    return f"{'number' if term.part == 'count' else 'sum'} of {term.measure}"


def _measures(vocabulary: Vocabulary) -> Iterator[str]:
    yield MEASURES
    yield "| measure | meaning | 含义 | shape | slot | dimensions |"
    yield "|---|---|---|---|---|---|"
    for measure in sorted(vocabulary.measures.values(), key=lambda measure: measure.id):
        cells = (measure.titles["en"], measure.titles["zh"], _shape_text(measure), _SLOTS[measure.period_s])
        dimensions = ", ".join(
            name if sort == "text" else f"{name} {sort}" for name, sort in sorted(measure.dimensions.items())
        )
        yield f"| `{measure.id}` | {' | '.join(cells)} | {dimensions} |"
    yield ""


def _dimensions(vocabulary: Vocabulary) -> Iterator[str]:
    yield DIMENSIONS
    used = {name: sort for measure in vocabulary.measures.values() for name, sort in measure.dimensions.items()}
    for name, known in sorted(vocabulary.dimensions.items()):
        yield f"- `{name}`: {', '.join(sorted(known))}"
    free = sorted(name for name, sort in used.items() if name not in vocabulary.dimensions and sort == "text")
    yield f"- any word: {', '.join(f'`{name}`' for name in free)}"
    yield ""


def _shape_text(measure: Measure) -> str:
    return f"{measure.shape}, {measure.unit}" if measure.unit else measure.shape


def _kinds(vocabulary: Vocabulary) -> Iterator[str]:
    yield KINDS
    for form, title in (("inventory", "Inventories"), ("occurrence", "Occurrences"), ("", "Papers")):
        yield f"### {title}\n"
        for kind in sorted(vocabulary.kinds.values(), key=lambda kind: kind.name):
            if kind.form == form or (not form and kind.form in ("document", "attestation")):
                yield from _kind(kind, vocabulary)


def _kind(kind: Kind, vocabulary: Vocabulary) -> Iterator[str]:
    key = "" if kind.key == "text" else f" · key {kind.key}"
    yield f"**{kind.name}** {kind_title(kind.name, '', 'zh')}{key}: {_attributes(kind)}"
    yield ""
    words = {name: sorted(vocabulary.words_of(kind.name, name)) for name in kind.attributes}
    for name, known in words.items():
        if known:
            yield f"- `{name}`: {', '.join(_word(word, f'{kind.name}.{name}') for word in known)}"
    yield from [""] if any(words.values()) else []


def _attributes(kind: Kind) -> str:
    told = [_attribute(name, name, attribute, kind.name) for name, attribute in kind.attributes.items()]
    made = [_attribute(f"{name}†", name, attribute, kind.name) for name, attribute in kind.computed.items()]
    return ", ".join([*told, *made])


def _attribute(shown: str, name: str, attribute: AttributeType, kind: str) -> str:
    return f"{shown} {attribute.word}{'?' if attribute.optional else ''} {attribute_title(name, 'zh', kind)}"


def _word(word: str, attribute: str) -> str:
    return f"{word} {word_title(word, 'zh', attribute)}"


def _profile(vocabulary: Vocabulary) -> Iterator[str]:
    yield PROFILE
    yield "| question | type | meaning | 含义 |"
    yield "|---|---|---|---|"
    for question in sorted(vocabulary.profile.values(), key=lambda question: question.id):
        yield f"| `{question.id}` | {question.type} | {question.titles['en']} | {question.titles['zh']} |"
    yield ""


if __name__ == "__main__":
    print(vocabulary_page(load_vocabulary()), end="")

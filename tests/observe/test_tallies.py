"""Series counted by hand say in Prometheus' format what its own client would."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pilothouse.observe.tallies import Histograms, Sums

BOUNDS = (0.01, 0.5, 1.0, 20.0)


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    found = (s for family in families for s in family.samples if not s.name.endswith("_created"))
    return {(s.name, tuple(sorted(s.labels.items()))): round(s.value, 6) for s in found}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from((0.0, 0.01, 0.3, 0.5, 1.0, 7.0, 20.0, 99.0)))))
def test_a_histogram_is_what_the_client_makes_of_the_same_values(values: list[tuple[str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    made = Histograms("took", "Time.", ["who"], BOUNDS, "seconds")
    ours.register(made)
    client = Histogram("took", "Time.", ["who"], buckets=BOUNDS, unit="seconds", registry=theirs)
    for who, value in values:
        made.series(who).add(value)
        client.labels(who).observe(value)
    assert samples(ours) == samples(theirs)


def test_a_sum_is_a_counter() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    made = Sums("spent", "Money.", ["who"])
    ours.register(made)
    made.series("a")[0] += 1.5
    made.series("a")[0] += 1
    client = Counter("spent", "Money.", ["who"], registry=theirs)
    client.labels("a").inc(2.5)
    assert samples(ours) == samples(theirs)

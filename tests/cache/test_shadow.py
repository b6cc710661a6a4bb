"""When two answers agree, and what the counts make of it."""

from pilothouse.cache.shadow import Shadows, agree, compare


def test_answers_agree_by_meaning_or_by_words_but_never_over_other_numbers() -> None:
    assert agree(compare("It takes 1,000 days.", "It takes 1000 days", 0.95))
    assert not agree(compare("It takes 5 days.", "It takes 9 days.", 0.99))
    assert agree(compare("the red fox runs", "the red fox sleeps", 0.1)), "words alone"
    assert agree(compare("yes", "certainly", 0.9)), "meaning alone"
    assert not agree(compare("yes of course", "no never", 0.3))
    assert compare("a b", "a b", 1.0).overlap == 1.0
    assert compare("", "", 0.0).overlap == 0.0


def test_a_report_of_nothing_and_of_something() -> None:
    shadows = Shadows()
    nothing = shadows.report("p", "a")
    assert (nothing.lookups, nothing.false_hit_rate, nothing.false_hit_interval) == (0, None, (0.0, 1.0))
    for hit in (True, True, False, False):
        shadows.looked_up("p", "a", hit=hit)
    shadows.compared("p", "a", compare("one", "one", 1.0))
    shadows.compared("p", "a", compare("1", "2", 1.0))
    report = shadows.report("p", "a")
    assert (report.hit_rate, report.false_hit_rate, report.compared) == (0.5, 0.5, 2)
    assert shadows.report("q", "a").lookups == 0

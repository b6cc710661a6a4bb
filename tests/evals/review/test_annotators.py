"""By which name somebody votes."""

from pilothouse.evals.review.annotators import annotator_of
from pilothouse.principal import EMBEDDED, Principal


def test_people_go_by_their_names_and_keys_of_the_same_name_apart() -> None:
    assert annotator_of(Principal("default", "member:ada@example.com", "annotator", name="ada@example.com")) == (
        "ada@example.com"
    )
    one, other = (Principal("default", f"0190aaaa{tail}", "annotator", name="ci") for tail in ("000001", "000002"))
    assert (annotator_of(one), annotator_of(other)) == ("ci #000001", "ci #000002")
    assert annotator_of(Principal("default", "master", "admin", name="master")) == "master"
    assert annotator_of(EMBEDDED) == "embedded"

from pilothouse.lifecycle.concern import Concern


def test_a_concern_is_a_warning_unless_it_is_grave() -> None:
    assert not Concern(("models",), "is empty").grave

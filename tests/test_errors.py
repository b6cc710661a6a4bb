import inspect

from pilothouse import errors


def classes() -> list[type[errors.PilothouseError]]:
    found = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(c, errors.PilothouseError) for c in found)
    return found


def test_every_error_is_exported_and_drawn_in_the_docstring() -> None:
    defined = {n for n, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__}
    assert defined == set(errors.__all__)
    assert errors.__doc__ is not None
    for name in defined:
        assert name in errors.__doc__


def test_the_drawing_states_the_status_and_code_of_each_class() -> None:
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("├──", "").replace("└──", "").replace("│", "").split()
        if len(words) >= 3 and words[0] in errors.__all__ and words[1].isdigit():
            drawn[words[0]] = (int(words[1]), words[2])
    assert len(drawn) >= len(errors.__all__) - 1
    for name, (status, code) in drawn.items():
        kind = getattr(errors, name)
        assert (kind.status, kind.code) == (status, code), name


def test_only_errors_that_another_attempt_may_mend_are_retryable() -> None:
    retryable = {c.__name__ for c in classes() if c.retryable}
    assert retryable == {"TooManyRequests", "RateLimited", "ProviderUnavailable", "ProviderTimeout", "Overloaded"}


def test_a_missing_extra_names_the_install_line() -> None:
    assert "pip install 'pilothouse[bedrock]'" in errors.MissingExtra("Bedrock", "bedrock").message

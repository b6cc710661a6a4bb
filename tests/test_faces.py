from pathlib import Path

from pilothouse.app import build
from pilothouse.faces import faces
from pilothouse.settings import Settings


def test_every_noun_and_the_console_are_on_one_application(tmp_path: Path) -> None:
    with build(Settings(home=tmp_path)) as platform:
        app = faces(platform)
    assert "/console" in {getattr(route, "path", "") for route in app.routes}
    assert {"/api/keys", "/api/jobs", "/api/config", "/api/stats"} <= set(app.openapi()["paths"])


def test_the_description_of_the_api_does_not_depend_on_where_files_lie(tmp_path: Path) -> None:
    with build(Settings(home=tmp_path)) as platform:
        schemas = faces(platform).openapi()["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == []

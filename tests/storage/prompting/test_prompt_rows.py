"""Folders, and the newest versions of many prompts."""

from pilothouse.storage import Store, writing
from pilothouse.storage.prompting import prompt_rows

from .test_immutability import VERSION


def test_folders_are_those_directly_below(store: Store) -> None:
    names = ["a", "rag/b", "rag/sub/c", "rag/sub/d", "Rag/e", "rag%/f", "x/y/z"]
    with writing(store.control) as connection:
        for name in names:
            prompt_rows.add_prompt(connection, "default", name, 1)
            prompt_rows.add_version(connection, {**VERSION, "name": name, "message": f"of {name}"})
            prompt_rows.change_prompt(connection, "default", name, {"newest": 1})
        prompt_rows.add_prompt(connection, "other", "rag/sub/c", 1)

        def folders(folder: str) -> dict[str, int]:
            rows = prompt_rows.folder_rows(connection, "default", folder, archived=False)
            return {row.name: row.prompts for row in rows}

        assert folders("") == {"rag": 3, "Rag": 1, "rag%": 1, "x": 1}
        assert folders("rag/") == {"sub": 2}
        assert folders("rag/sub/") == folders("nothing/") == {}
        some = {"search": "", "label": None, "tag": None, "archived": False, "after": None, "limit": 9}
        here = prompt_rows.prompt_rows(connection, "default", folder="rag/", below=False, **some)  # type: ignore[arg-type]
        assert [row.name for row in here] == ["rag/b"]
        newest = prompt_rows.newest_rows(connection, "default", ["rag/b", "x/y/z", "nothing"])
        assert {row.name: row.message for row in newest} == {"rag/b": "of rag/b", "x/y/z": "of x/y/z"}

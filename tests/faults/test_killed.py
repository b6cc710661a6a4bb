"""kill -9 in the middle of calls, then a start on the same home: every call is charged once, nothing stays held."""

from pathlib import Path

from .conftest import INPUT, OUTPUT, configuration
from .raw import RawUpstream
from .running import chat_body, running, until

COST = 1000 * INPUT + 500 * OUTPUT
MAX_TOKENS = 1000


def test_a_server_killed_in_the_middle_of_calls(
    upstream: tuple[RawUpstream, str], tmp_path: Path, models_dir: Path
) -> None:
    home, config, raw = tmp_path / "home", configuration(upstream[1]), upstream[0]
    with running(home, models_dir, config) as up:
        secret, key_id = up.new_key("app", budgets=[{"period": "total", "usd": 1}])
        assert up.chat("good", key=secret).status == 200
        waiting = []
        for model, stream in (("hang-patient", False), ("stall-patient", True), ("stall-300", True)):
            connection = up.connect()
            body = chat_body(model, stream, max_tokens=MAX_TOKENS)
            up.begin(connection, "POST", "/v1/chat/completions", body, key=secret)
            assert raw.arrived(model)
            waiting.append(connection)
        many = waiting[2].getresponse()
        said = b""
        while said.count(b"data: ") < 301:
            said += many.read1(65536)
        up.entries(key_id, 1)
        up.process.kill()
        for connection in waiting:
            connection.close()

    with running(home, models_dir) as up:
        entries = {entry["deployment"]: entry for entry in up.entries(key_id, 4)}
        assert entries["raw/good"]["nano"] == COST
        for name in ("patient/hang-patient", "patient/stall-patient"):
            assert entries[name]["kind"] == "orphan"
            assert entries[name]["nano"] > MAX_TOKENS * OUTPUT  # its bound
        recorded = entries["patient/stall-300"]
        assert recorded["kind"] == "orphan"
        assert 64 <= recorded["output_tokens"] <= MAX_TOKENS
        assert recorded["nano"] == recorded["input_tokens"] * INPUT + recorded["output_tokens"] * OUTPUT
        budget = until(lambda: b if not (b := up.budget(key_id))["held_nano"] else None)
        assert budget["nano"] == sum(entry["nano"] for entry in entries.values())
        assert up.post("/api/ledger/rebuild", {})["corrected"] == 0
        assert up.chat("good", key=secret).status == 200
        up.entries(key_id, 5)

"""Every table, as SQLAlchemy Core. Knows nothing of connections, nor of what the rooms do with their rows.

Two groups, which are two files under SQLite and share one database under Postgres:

    control   organisations, projects, teams, members, api_keys, audit, changes, snapshots, jobs, schedules, files,
              file_parts, batches, batch_items, alerts, alert_standings, silences, deliveries, turns,
              datasets, dataset_versions, dataset_items, eval_runs, eval_outcomes, eval_verdicts, eval_answers,
              review_queues, review_items, review_sources, review_seats, review_votes, review_corrections,
              judge_cards, prompts, prompt_versions, prompt_labels, prompt_moves, prompt_requests,
              prompt_verdicts, prompt_watches,
              experiments, experiment_looks, approvals, confirmed_attacks
    observe   spans, span_days, payloads, manifests, traces, scores, rollups, score_rollups, sheets, backfills,
              erasures, spool_cursors, ledger, reservations, balances, responses, response_events, export_queue,
              question_vectors, topics, topic_states, drifts, scoring_queue, scoring_tallies, sentinel_states,
              sentinel_readings, prompt_calls

`project_id` is in every primary key: the project is the only unit of isolation. (`organisations` stand above projects,
`changes` beside them.) Ids are UUIDv7 text, `*_us` columns UTC microseconds, `*_nano` columns nano-USD, JSON is text. A
change here needs a revision in `migrations/`; a test compares.
"""

from pilothouse.storage.statements import insert_new, upsert
from pilothouse.storage.tables.administration import (
    api_keys,
    audit,
    batch_items,
    batches,
    changes,
    file_parts,
    files,
    jobs,
    members,
    organisations,
    projects,
    schedules,
    snapshots,
    teams,
)
from pilothouse.storage.tables.alerting import alert_standings, alerts, deliveries, silences, turns
from pilothouse.storage.tables.answers import response_events, responses
from pilothouse.storage.tables.approving import approvals
from pilothouse.storage.tables.asking import question_vectors, topic_states, topics
from pilothouse.storage.tables.attacking import confirmed_attacks
from pilothouse.storage.tables.drifting import drifts
from pilothouse.storage.tables.evaluating import dataset_items, dataset_versions, datasets
from pilothouse.storage.tables.experimenting import experiment_looks, experiments
from pilothouse.storage.tables.exporting import export_queue
from pilothouse.storage.tables.judging import judge_cards
from pilothouse.storage.tables.metadata import control, observe
from pilothouse.storage.tables.prompt_calls import prompt_calls
from pilothouse.storage.tables.prompting import (
    prompt_labels,
    prompt_moves,
    prompt_requests,
    prompt_versions,
    prompts,
)
from pilothouse.storage.tables.records import (
    backfills,
    erasures,
    manifests,
    payloads,
    rollups,
    score_rollups,
    scores,
    sheets,
    span_days,
    spans,
    spool_cursors,
    traces,
)
from pilothouse.storage.tables.reviewing import (
    review_corrections,
    review_items,
    review_queues,
    review_seats,
    review_sources,
    review_votes,
)
from pilothouse.storage.tables.running import eval_answers, eval_outcomes, eval_runs, eval_verdicts
from pilothouse.storage.tables.scoring import scoring_queue, scoring_tallies, sentinel_readings, sentinel_states
from pilothouse.storage.tables.spend import balances, ledger, reservations
from pilothouse.storage.tables.verdicts import prompt_verdicts, prompt_watches

__all__ = [
    "alert_standings", "alerts", "api_keys", "approvals", "audit", "backfills", "balances", "batch_items", "batches",
    "changes", "confirmed_attacks", "control", "dataset_items", "dataset_versions", "datasets", "deliveries",
    "drifts", "erasures",
    "eval_answers", "eval_outcomes", "eval_runs", "eval_verdicts", "experiment_looks", "experiments", "export_queue",
    "file_parts", "files", "insert_new", "jobs", "judge_cards", "ledger", "manifests", "members", "observe",
    "organisations", "payloads", "projects",
    "prompt_calls", "prompt_labels", "prompt_moves", "prompt_requests", "prompt_verdicts",
    "prompt_versions", "prompt_watches", "prompts",
    "question_vectors", "reservations", "response_events", "responses", "review_corrections", "review_items",
    "review_queues", "review_seats", "review_sources", "review_votes", "rollups", "schedules", "score_rollups",
    "scores", "scoring_queue", "scoring_tallies", "sentinel_readings", "sentinel_states", "sheets", "silences",
    "snapshots", "span_days", "spans", "spool_cursors", "teams", "topic_states", "topics", "traces", "turns", "upsert",
]  # fmt: skip

"""Every extension point on one screen. Built-ins come in by the same door as plugins: an entry point and a class.

    entry point group        protocol     built-ins
    pilothouse.providers     Provider     openai, anthropic, google, bedrock, cohere, builtin
    pilothouse.loaders       Loader       pdf, html, markdown, docx, text
    pilothouse.tasks         Task         rag.ingest, config.replay, datasets.work, prompts.evaluate, prompts.optimize
    pilothouse.evaluators    Evaluator    format, regex, exact, tool_calls and more (evals/)
    pilothouse.guards        Guard        pii, secrets, injection, length, words and more (guards/)

`Chat` and `Embed` are the gateway itself, handed by `app.py` to any room that needs a model.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable

from pilothouse.call import Call
from pilothouse.cases import Case, Need, Verdict
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import STAGES, Action, Stage
from pilothouse.pii.pseudonyms import Pseudonyms
from pilothouse.types import ChatChunk, ChatRequest, Document, EmbedRequest, EmbedResponse, Hit, Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

__all__ = [
    "Chat", "Conversation", "Embed", "Encode", "Evaluator", "Guard", "Loader", "Models", "Nearest", "Progress",
    "Provider", "Retriever", "Scan", "ScanningGuard", "Subject", "Task",
]  # fmt: skip

T = TypeVar("T")


@runtime_checkable
class Provider(Protocol):
    """A model API. Made as `Class(name, config)` with its name and ProviderConfig from the configuration.

    `operations` says what it serves: "chat", "text_completion", "embeddings"; also "rerank" and "moderations", by
    methods `rerank` and `moderate` of the shape of `embed`. One that answers from what it keeps tells which state that
    is in, by `async version(model, call) -> str`. Requests carry the provider's own model name. Failures are
    ProviderError subclasses, raised before the first chunk wherever possible.
    """

    name: str
    operations: frozenset[str]

    def chat(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]:
        """One chunk per event when `request.stream`, else one chunk with the whole body.

        Close it early (`contextlib.aclosing`) to cancel the upstream call. The last chunks carry `finish_reason`
        and `usage`. With `request.stream` a usage chunk is asked for whether or not the caller wants it.
        """
        ...

    async def embed(self, request: EmbedRequest, call: Call) -> EmbedResponse: ...

    async def models(self) -> list[str]:
        """Names of the models it offers; may call the provider."""
        ...

    async def aclose(self) -> None: ...


class Chat(Protocol):
    """The gateway's one path for a chat completion; `request.model` is an alias or `provider/model`."""

    def __call__(self, request: ChatRequest, call: Call) -> AsyncGenerator[ChatChunk]: ...


class Embed(Protocol):
    """The gateway's one path for embeddings."""

    async def __call__(self, request: EmbedRequest, call: Call) -> EmbedResponse: ...


class Encode(Protocol):
    """The embedded encoder, off the event loop: texts to L2-normalised float32 rows, (len(texts), dimensions)."""

    async def __call__(self, texts: Sequence[str]) -> "Vectors": ...

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut."""
        ...

    async def token_vectors(self, texts: Sequence[str]) -> "list[Vectors]":
        """The vectors of the tokens of each text, special ones left out: L2-normalised rows, (tokens, dimensions)."""
        ...


class Loader(Protocol):
    """Reads one kind of document. `suffixes` are lower-case with their dot: (".pdf",)."""

    suffixes: tuple[str, ...]

    def load(self, path: Path, source: str) -> Document:
        """Raises DocumentError naming `source` when the file cannot be read as what it claims to be."""
        ...


class Retriever(Protocol):
    """Finds passages for a question."""

    async def retrieve(self, query: str, k: int, call: Call) -> list[Hit]:
        """The best `k` chunks, best first."""
        ...


@dataclass(frozen=True, kw_only=True)
class Models:
    """What evaluators may ask. `chat` is the gateway and `judge` the model it is asked for; None where there is none.

    `make_call` gives the Call of one question: its project, its trace and until when. `attacks` finds what is like
    a text among confirmed attacks.
    """

    make_call: Callable[[], Call]
    chat: Chat | None = None
    judge: str | None = None
    encode: Encode | None = None
    attacks: "Nearest | None" = None


class Nearest(Protocol):
    """Among the attacks that people of a project confirmed; they grow while it is used."""

    async def __call__(self, text: str) -> tuple[float, str] | None:
        """The share, 0 to 1, of the confirmed attack of which the text holds most, and its id; None where none is
        confirmed, or the text is too short to compare."""
        ...


class Evaluator(Protocol):
    """Judges one case. A dataclass that inherits from this; its fields are its options, `name` among them.

    `needs` says what a case or the process must have: without it the verdict is `skipped`, never a low score. A wrong
    option is a ConfigError when it is made.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    lower_is_better: ClassVar[bool] = False

    @property
    def name(self) -> str: ...

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        """Raises for no case whatsoever: bad output is a verdict. Cancelled calls and storage errors pass through."""
        ...


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What the texts of one call have in common. `question` is the last user message, `system` what the system says,
    `passages` what an answer may rest on, `messages` all there are, in the chat dialect; `canaries` are words that no
    answer may hold. `models` are what guards may ask: None where there is none."""

    question: str = ""
    system: str = ""
    passages: Sequence[str] = ()
    messages: Sequence[Json] = ()
    canaries: Sequence[str] = ()
    models: Models | None = None
    pseudonyms: Pseudonyms = field(default_factory=Pseudonyms)


@dataclass(slots=True, eq=False)
class Subject:
    """A text that guards look at. `role` is who wrote it: user, assistant, system, tool or document. `schema` is the
    JSON Schema that the caller asked an answer to have. What is made of the text is made once for all guards."""

    text: str
    stage: Stage
    role: str = "user"
    conversation: Conversation = field(default_factory=Conversation)
    schema: Json | None = None
    _made: dict[Callable[["Subject"], Any], Any] = field(default_factory=dict)

    def once(self, make: Callable[["Subject"], T]) -> T:
        """What `make` makes of this subject; the first call's for all that follow."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast(T, self._made[make])


class Guard(Protocol):
    """Looks at one text. A dataclass that inherits from this; its fields are its options, `name` among them.

    `stages` says where it makes sense, `action` what is done on its word where nobody says otherwise. `reads` says what
    it needs of an answer that streams: `ahead` a bounded number of characters (it is then a ScanningGuard), `window`
    whole sentences, `whole` all of it. A wrong option is a ConfigError when it is made.
    """

    stages: ClassVar[frozenset[Stage]] = frozenset(STAGES)
    action: ClassVar[Action] = "block"
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"

    @property
    def name(self) -> str: ...

    async def check(self, subject: Subject) -> GuardResult:
        """Raises for no text whatsoever. Cancelled calls pass through; what cannot be looked at is `skipped`."""
        ...


class Scan(Protocol):
    """A guard at one text that still comes. What it has told never changes, and is the same however the text is cut."""

    settled: int
    """So many characters from the text's begin are decided: nothing that comes will change what was found there."""

    def feed(self, text: str) -> Sequence[Finding]:
        """What is newly found, in order; places count from the begin of the whole text."""
        ...

    def end(self) -> Sequence[Finding]:
        """The rest, once the text has ended: everything is settled."""
        ...


@runtime_checkable
class ScanningGuard(Protocol):
    """A guard that reads `ahead`: `hold_back` characters at most, besides what it has begun to find. `told` makes the
    result of what a scan found in a text; `check` says the same of the whole text."""

    @property
    def hold_back(self) -> int: ...

    def scan(self, conversation: Conversation) -> Scan: ...

    def told(self, findings: Sequence[Finding]) -> GuardResult: ...


class Progress(Protocol):
    """How a task tells where it is. Raises Cancelled once the job was asked to stop."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


Task = Callable[[Json, Progress], Any]
"""A job's code: takes the job's JSON payload and a Progress, runs in a process of its own, returns a JSON result."""

"""The Cohere provider against a server that speaks the v2 format."""

from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.cohere import CohereProvider
from pilothouse.testing.cohere_server import CohereServer
from pilothouse.testing.contract import ProviderContract


class TestContract(ProviderContract):
    server_class = CohereServer
    lacks = frozenset({"choices", "model_name", "content_filter", "tool_choice_named", "reasoning_tokens"})

    def make_provider(self, url: str) -> Provider:
        return CohereProvider("cohere", ProviderConfig(base_url=url, api_key="co-test"))

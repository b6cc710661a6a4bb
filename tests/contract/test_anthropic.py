"""The Anthropic provider against a server that speaks the Messages format."""

from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.anthropic import AnthropicProvider
from pilothouse.testing.anthropic_server import AnthropicServer
from pilothouse.testing.contract import ProviderContract


class TestContract(ProviderContract):
    server_class = AnthropicServer
    lacks = frozenset({"choices"})

    def make_provider(self, url: str) -> Provider:
        return AnthropicProvider("claude", ProviderConfig(base_url=url, api_key="sk-ant-test"))

"""OpenAIProvider keeps the provider contract, on OpenAI's paths and on Azure's."""

from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.openai import OpenAIProvider
from pilothouse.testing.contract import ProviderContract
from pilothouse.testing.openai_server import OpenAIServer


class TestOpenAI(ProviderContract):
    server_class = OpenAIServer

    def make_provider(self, url: str) -> Provider:
        return OpenAIProvider("openai", ProviderConfig(base_url=f"{url}/v1", api_key="secret"))


class TestAzure(ProviderContract):
    server_class = OpenAIServer

    def make_provider(self, url: str) -> Provider:
        config = ProviderConfig(base_url=url, api_key="secret", options={"api_version": "2024-10-21"})
        return OpenAIProvider("azure", config)

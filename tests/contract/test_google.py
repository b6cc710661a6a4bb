"""The Google provider against a server that speaks the Gemini format."""

from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.google import GoogleProvider
from pilothouse.testing.contract import ProviderContract
from pilothouse.testing.google_server import GoogleServer


class TestContract(ProviderContract):
    server_class = GoogleServer
    lacks = frozenset({"choices", "content_filter"})

    def make_provider(self, url: str) -> Provider:
        return GoogleProvider("gemini", ProviderConfig(base_url=url, api_key="AIza-test"))

"""The Bedrock provider against a server that verifies signatures and speaks event-stream frames."""

from pilothouse.config import ProviderConfig
from pilothouse.protocols import Provider
from pilothouse.providers.bedrock import BedrockProvider
from pilothouse.testing.bedrock_server import ACCESS_KEY, REGION, SECRET_KEY, BedrockServer
from pilothouse.testing.contract import ProviderContract

OPTIONS = {"region": REGION, "aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}


class TestContract(ProviderContract):
    server_class = BedrockServer
    lacks = frozenset({"choices", "model_name", "image_urls", "tool_choice_none", "reasoning_tokens", "unknown_fields"})

    def make_provider(self, url: str) -> Provider:
        return BedrockProvider("aws", ProviderConfig(base_url=url, options=OPTIONS))

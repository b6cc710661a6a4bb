"""Guards that ask others: Llama Guard through the gateway, OpenAI's moderations, Perspective and Lakera over HTTP."""

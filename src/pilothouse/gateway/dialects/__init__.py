"""The languages that callers speak beside OpenAI's chat: requests into a chat, chats' answers back, errors, checks.

Plain functions and classes over JSON. Knows nothing of HTTP, of providers or of which deployment answers.
"""

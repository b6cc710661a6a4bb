"""`/api/public`: what the Langfuse SDK sends and reads, in its words. https://api.reference.langfuse.com"""

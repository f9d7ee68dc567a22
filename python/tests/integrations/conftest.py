"""No test of an integration asks anything of a network."""

import os

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"

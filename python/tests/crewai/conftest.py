"""No test of an integration asks anything of a network, or tells anybody of itself."""

import os
import sys
from pathlib import Path

os.environ["CREWAI_DISABLE_TELEMETRY"] = "true"
os.environ["CREWAI_DISABLE_TRACKING"] = "true"
os.environ["CREWAI_TRACING_ENABLED"] = "false"
os.environ["OTEL_SDK_DISABLED"] = "true"

# What tests of other frameworks share.
sys.path.insert(0, str(Path(__file__).parent.parent / "integrations"))

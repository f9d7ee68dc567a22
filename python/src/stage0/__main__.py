"""``python -m stage0`` is the ``stage0`` command."""

import sys

from stage0._command import main

sys.exit(main())

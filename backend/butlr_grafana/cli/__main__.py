"""`python -m butlr_grafana.cli`: the console script."""

import sys

from butlr_grafana.cli.main import main

sys.exit(main())

"""The health check of a container: `python -m services.cli.stack.healthy PORT`.

Succeeds if the process on that port of this machine is ready. The image has no other HTTP client.
"""

import sys

from services.cli.stack.probes import get

if __name__ == "__main__":
    sys.exit(get(int(sys.argv[1]), "/health/ready")[0] != 200)

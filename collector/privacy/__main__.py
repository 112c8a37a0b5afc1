"""`python -m collector.privacy SETTINGS_JSON`: can content be redacted as the settings say?

Asked in a process of its own before anything starts: the supervisor would keep for good what an analyser loads.
Prints what is wrong and ends with 3.
"""

from __future__ import annotations

import sys

from collector.privacy.policy import policy_of
from collector.settings import CollectorSettings
from errors import ConfigError


def main() -> None:
    """Read the policy and forget it."""
    try:
        policy_of(CollectorSettings.taken_up(sys.argv[1]))
    except ConfigError as wrong:
        print(wrong)
        sys.exit(3)


if __name__ == "__main__":
    main()
